extension ListingValue {
    /// The value as JSON; a number that JSON does not have becomes `null`.
    var json: String {
        switch self {
        case .text(let text): JSONText.quoted(text)
        case .integer(let number): String(number)
        case .double(let number): number.isFinite ? "\(number)" : "null"
        case .bool(let flag): flag ? "true" : "false"
        case .json(let json): json
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
    /// A record with its line end. Cells with a comma, a quote or a line break are quoted.
    static func line(_ cells: [String]) -> String {
        cells.map(cell).joined(separator: ",") + "\r\n"
    }

    private static func cell(_ text: String) -> String {
        let mustQuote = text.unicodeScalars.contains { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" }
        return mustQuote ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    }
}
