/// Text from elsewhere made fit for the place where it is shown: a log line, a terminal, an error message, a CSV cell.
///
/// Whatever is written passes here or through `JSONText`; bytes as they came leave by an explicit flag, and not to a terminal.
public enum SafeText {
    /// The text on one line: what steers a terminal or hides itself becomes `\u{..}`, what is too long is cut.
    /// - Parameter limit: The most bytes of UTF-8 of the text to keep.
    public static func oneLine(_ text: String, limit: Int) -> String {
        let kept = cut(text, limit: limit)
        guard kept.unicodeScalars.contains(where: isUnsafe) else { return kept }
        var result = ""
        for scalar in kept.unicodeScalars {
            if isUnsafe(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The text, or as much of it as fits, with `…` and the number of bytes left out.
    static func cut(_ text: String, limit: Int) -> String {
        let bytes = text.utf8
        guard bytes.count > limit else { return text }
        var end = bytes.index(bytes.startIndex, offsetBy: limit)
        while end > bytes.startIndex, bytes[end] & 0b1100_0000 == 0b1000_0000 { end = bytes.index(before: end) }
        return "\(text[..<end])…(+\(bytes.distance(from: end, to: bytes.endIndex)) bytes)"
    }

    /// Text of several lines, as of a body: its lines stay, everything else is as in ``oneLine(_:limit:)``.
    public static func lines(_ text: String, limit: Int) -> String {
        // By scalars: "\r\n" is one character.
        cut(text, limit: limit).unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .map { oneLine(String($0), limit: .max) }.joined(separator: "\n")
    }

    /// A cell of CSV: on one line, quoted where it must be, and never a formula: spreadsheets calculate what begins with
    /// one of a few characters, and `'` before it makes it text. Numbers stay numbers.
    static func csvCell(_ text: String) -> String {
        var cell = oneLine(text, limit: .max)
        if isFormula(text) { cell = "'" + cell }
        let mustQuote = cell.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }
        return mustQuote ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
    }

    private static func isFormula(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first(where: { $0 != " " }) else { return false }
        let isMarked = ["=", "+", "-", "@", "\t", "\r", "\n", "|", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}"]
            .contains(first)
        return isMarked && !isNumber(text)
    }

    /// Digits with a sign, a point and an exponent, and nothing else that a number could be made of.
    private static func isNumber(_ text: String) -> Bool {
        Double(text) != nil && text.utf8.allSatisfy { "+-.0123456789eE".utf8.contains($0) }
    }

    /// Control characters (C0, DEL, C1), line and paragraph separators, marks that turn the reading direction, and what
    /// cannot be seen: blanks without width, fillers, tags.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x34F, 0x61C, 0x115F...0x1160, 0x17B4...0x17B5, 0x180B...0x180F,
            0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF0...0xFFFB,
            0x1D173...0x1D17A, 0xE0000...0xE0FFF:
            true
        default: false
        }
    }
}
