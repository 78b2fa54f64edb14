/// JSON strings, for log lines and listings.
enum JSONText {
    /// The text as a JSON string with its quotes.
    ///
    /// Beyond what JSON asks for, everything is escaped that could steer a terminal or split a line.
    static func quoted(_ text: String) -> String {
        var result = "\""
        append(text, to: &result)
        result += "\""
        return result
    }

    private static func append(_ text: String, to result: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where SafeText.isUnsafe(scalar): result += escape(scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
    }

    /// All unsafe scalars lie in the first plane, so four digits do.
    private static func escape(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
