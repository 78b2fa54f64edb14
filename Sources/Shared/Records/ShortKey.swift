/// A field name of at most 32 bytes as four machine words: comparing one costs a few instructions, not a call.
struct ShortKey: Equatable, Sendable {
    /// The longest name, in bytes.
    static let longest = 32

    private let low: UInt64
    private let high: UInt64
    private let count: UInt8
    /// Bytes 16 to 31, which few names have.
    private let rest: Rest

    private struct Rest: Equatable, Sendable {
        var low: UInt64 = 0
        var high: UInt64 = 0
    }

    init(_ name: String) {
        precondition(name.utf8.count <= Self.longest, "field name \(name) is longer than \(Self.longest) bytes")
        let bytes = Array(name.utf8)
        self.init(bytes.indices, bytes.span)
    }

    /// At most 32 bytes.
    @inline(__always)
    private init(_ range: Range<Int>, _ bytes: Span<UInt8>) {
        let (start, end) = (range.lowerBound, range.upperBound)
        count = UInt8(range.count)
        low = Self.word(start..<min(end, start + 8), bytes)
        high = range.count > 8 ? Self.word(start + 8..<min(end, start + 16), bytes) : 0
        rest = range.count > 16 ? Self.rest(start + 16..<end, bytes) : Rest()
    }

    private static func rest(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Rest {
        let (start, end) = (range.lowerBound, range.upperBound)
        return Rest(
            low: word(start..<min(end, start + 8), bytes), high: range.count > 8 ? word(start + 8..<end, bytes) : 0)
    }

    /// At most 8 bytes, filled up with zeros.
    @inline(__always)
    private static func word(_ range: Range<Int>, _ bytes: Span<UInt8>) -> UInt64 {
        if range.lowerBound + 8 <= bytes.count {
            return bytes.word(at: range.lowerBound) & ~(~0 << UInt64(8 * range.count))
        }
        return range.reversed().reduce(0) { word, index in word << 8 | UInt64(bytes[index]) }
    }

    /// The name between the quotes of a JSON key; nil if it is longer than any field's.
    init?(_ text: JSONScanner.Text, _ bytes: Span<UInt8>) {
        if text.hasEscapes {
            guard text.range.count <= 6 * Self.longest else { return nil }
            let unescaped = unescape(text, bytes)
            guard unescaped.utf8.count <= Self.longest else { return nil }
            self.init(unescaped)
            return
        }
        guard text.range.count <= Self.longest else { return nil }
        self.init(text.range, bytes)
    }
}

/// The characters of a string that ``JSONScanner`` has found to be valid.
func unescape(_ text: JSONScanner.Text, _ bytes: Span<UInt8>) -> String {
    var units: [UInt16] = []
    var utf8: [UInt8] = []
    func flush() {
        utf8.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
        units.removeAll(keepingCapacity: true)
    }
    var index = text.range.lowerBound
    while index < text.range.upperBound {
        guard bytes[index] == UInt8(ascii: "\\") else {
            flush()
            utf8.append(bytes[index])
            index += 1
            continue
        }
        switch bytes[index + 1] {
        case UInt8(ascii: "u"):
            units.append((2..<6).reduce(0) { $0 << 4 | UInt16(hexadecimalValue(bytes[index + $1]) ?? 0) })
            index += 6
            continue
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0C)
        case UInt8(ascii: "n"): units.append(0x0A)
        case UInt8(ascii: "r"): units.append(0x0D)
        case UInt8(ascii: "t"): units.append(0x09)
        case let byte: units.append(UInt16(byte))
        }
        index += 2
    }
    flush()
    return String(decoding: utf8, as: UTF8.self)
}
