/// Fields of a query or a form (`application/x-www-form-urlencoded`), in their order.
struct FormFields: Sendable, Equatable {
    /// More fields than this are no form of ours.
    private static let most = 200

    private(set) var fields: [(name: String, value: String)] = []

    init() {}

    init(_ text: some StringProtocol) {
        for part in text.split(separator: "&").prefix(Self.most) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields.append((Self.decode(sides[0]), sides.count > 1 ? Self.decode(sides[1]) : ""))
        }
    }

    /// The first field of this name; nil where it is missing or empty.
    subscript(_ name: String) -> String? {
        fields.first { $0.name == name && !$0.value.isEmpty }?.value
    }

    /// All fields of this name that are not empty.
    func all(_ name: String) -> [String] { fields.filter { $0.name == name && !$0.value.isEmpty }.map(\.value) }

    func integer(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }

    /// The same with a field set, or taken out by nil.
    func with(_ name: String, _ value: String?) -> FormFields {
        var changed = self
        changed.fields.removeAll { $0.name == name }
        if let value, !value.isEmpty { changed.fields.append((name, value)) }
        return changed
    }

    mutating func append(_ name: String, _ value: String) { fields.append((name, value)) }

    /// The fields of these names alone.
    func kept(_ names: Set<String>) -> FormFields {
        var kept = FormFields()
        for field in fields where names.contains(field.name) && !field.value.isEmpty {
            kept.append(field.name, field.value)
        }
        return kept
    }

    /// The same, with a value where there is none.
    func filled(_ name: String, _ value: String) -> FormFields { self[name] == nil ? with(name, value) : self }

    /// All values of a name in one field, with blanks between.
    func joined(_ name: String) -> FormFields { with(name, all(name).joined(separator: " ")) }

    /// As a query with its question mark; nothing where there are no fields.
    var query: String {
        let pairs = fields.filter { !$0.value.isEmpty }.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }
        return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    }

    static func == (left: FormFields, right: FormFields) -> Bool {
        left.fields.elementsEqual(right.fields) { $0 == $1 }
    }

    /// What is no letter, digit or `-._~` as percent signs and digits.
    static func encode(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }

    private static func decode(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+") {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
