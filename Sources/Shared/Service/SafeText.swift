/// Text from elsewhere made fit for a log line, a terminal or an error message.
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

    /// Control characters (C0, DEL, C1), line and paragraph separators, and marks that turn the reading direction.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
