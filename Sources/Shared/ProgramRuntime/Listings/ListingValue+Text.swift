extension ListingValue {
    /// An object of these members, in their order.
    public static func object(_ members: [(String, ListingValue)]) -> ListingValue {
        .json("{\(members.map { "\(JSONText.quoted($0)):\($1.json)" }.joined(separator: ","))}")
    }

    /// An array of these values.
    public static func list(_ values: [ListingValue]) -> ListingValue {
        .json("[\(values.map(\.json).joined(separator: ","))]")
    }

    /// The value as JSON; a number that JSON does not have becomes `null`.
    public var json: String {
        switch self {
        case .text(let text): JSONText.quoted(text)
        case .integer(let number): String(number)
        case .double(let number): number.isFinite ? "\(number)" : "null"
        case .bool(let flag): flag ? "true" : "false"
        case .json(let json): JSONText.harmless(json)
        case .array(let texts): "[\(texts.map(JSONText.quoted).joined(separator: ","))]"
        case .null: "null"
        }
    }

    /// The value for tables and CSV.
    var plainText: String {
        switch self {
        case .text(let text): text
        case .array(let texts): texts.joined(separator: "; ")
        case .null: ""
        default: json
        }
    }
}

/// CSV as RFC 4180 has it.
enum CSVText {
    /// A record with its line end; numbers are what they are, texts are made safe (``SafeText``).
    static func line(_ row: [ListingValue]) -> String {
        row.map { value in
            switch value {
            case .text, .array, .json: SafeText.csvCell(value.plainText)
            case .integer, .double, .bool, .null: value.plainText
            }
        }.joined(separator: ",") + "\r\n"
    }
}
