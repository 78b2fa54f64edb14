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

    /// JSON of elsewhere, with the same escapes: outside of its strings nothing but blanks can need one.
    static func harmless(_ json: String) -> String {
        var result = ""
        for scalar in json.unicodeScalars {
            switch scalar {
            case "\n", "\r", "\t": result += " "
            case _ where SafeText.isUnsafe(scalar): result += escape(scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// One escape, or the two of a surrogate pair.
    private static func escape(_ value: UInt32) -> String {
        guard value <= 0xFFFF else {
            return escape(0xD800 + (value - 0x10000) >> 10) + escape(0xDC00 + (value - 0x10000) & 0x3FF)
        }
        let digits = String(value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
