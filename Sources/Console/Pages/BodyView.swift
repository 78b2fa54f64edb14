import ProgramRuntime

/// A message byte for byte: as text if it is text, else as hexadecimal digits; where decoding stopped is marked.
struct BodyView {
    /// So much of a text is shown, and so much in digits.
    private static let mostText = 16_384
    private static let mostDigits = 4096

    /// The message, or how it begins.
    let bytes: [UInt8]
    /// How long the message is.
    let size: Int64
    /// The byte that decoding stopped at; ``bytes``'s end if it stopped there; nil if it did not stop, or nobody looked.
    let stop: Int?

    var html: HTML {
        let text = window(Self.mostText)
        guard let before = string(text.lowerBound..<(stop ?? text.upperBound)), let after = string(tail(text)),
            let marked = string(markedCharacter)
        else {
            let shown = window(Self.mostDigits)
            return """
                <p class="note">\(note(shown)) These are no UTF-8 text, so they stand here as hexadecimal digits.</p>\
                <pre tabindex="0">\(digits(shown))</pre>
                """
        }
        let mark = stop.map { _ in Self.mark(HTML.lines(marked, limit: 16)) } ?? .none
        let most = Self.mostText * 4
        return """
            <p class="note">\(note(text))</p><pre tabindex="0" class="wrap">\(HTML.lines(before, limit: most))\(mark)\(HTML.lines(after, limit: most))</pre>
            """
    }

    private static func mark(_ content: HTML) -> HTML {
        "<mark id=\"stop\">\(content.text.isEmpty ? "(end)" : content)</mark>"
    }

    /// From the begin, or around the place where decoding stopped; between characters, if these are any.
    private func window(_ most: Int) -> Range<Int> {
        guard bytes.count > most else { return 0..<bytes.count }
        var start = 0
        if let stop, stop > most * 3 / 4 { start = min(stop - most / 2, bytes.count - most) / 16 * 16 }
        var end = min(bytes.count, start + most)
        while start < end, start > 0, isInside(start) { start += 1 }
        while end > start, end < bytes.count, isInside(end) { end -= 1 }
        return start..<end
    }

    /// Whether the byte goes on with a character.
    private func isInside(_ place: Int) -> Bool { bytes[place] & 0xC0 == 0x80 }

    private var markedCharacter: Range<Int> {
        guard let stop, stop < bytes.count else { return bytes.count..<bytes.count }
        var end = stop + 1
        while end < bytes.count, end < stop + 4, isInside(end) { end += 1 }
        return stop..<end
    }

    private func tail(_ window: Range<Int>) -> Range<Int> {
        guard stop != nil else { return window.upperBound..<window.upperBound }
        return min(markedCharacter.upperBound, window.upperBound)..<window.upperBound
    }

    private func string(_ range: Range<Int>) -> String? { String(validating: bytes[range], as: UTF8.self) }

    private func note(_ shown: Range<Int>) -> HTML {
        let all = "\(Figures.grouped(size)) bytes"
        let part =
            Int64(shown.count) == size
            ? all
            : shown.lowerBound == 0
                ? "The first \(Figures.grouped(shown.count)) of \(all)"
                : "Bytes \(Figures.grouped(shown.lowerBound)) to \(Figures.grouped(shown.upperBound - 1)) of \(all)"
        guard let stop else { return "\(part)." }
        return "\(part). Decoding stopped at <a href=\"#stop\">byte \(Figures.grouped(stop))</a>, which is marked."
    }

    /// Sixteen bytes a line, with their places.
    private func digits(_ shown: Range<Int>) -> [HTML] {
        stride(from: shown.lowerBound / 16 * 16, to: shown.upperBound, by: 16).map { start in
            let line = start..<min(bytes.count, start + 16)
            let place = String(start, radix: 16)
            let letters = line.map { (0x20..<0x7F).contains(bytes[$0]) ? String(UnicodeScalar(bytes[$0])) : "." }
            let isEnd = stop == bytes.count && line.upperBound == bytes.count
            let blanks = String(repeating: " ", count: (16 - line.count) * 3)
            return """
                \(String(repeating: "0", count: max(0, 6 - place.count)))\(place)  \(line.map(pair).joined(by: " "))\
                \(HTML.when(isEnd, " \(Self.mark(.none))"))\(blanks)  \(letters.joined())\n
                """
        }
    }

    private func pair(_ place: Int) -> HTML {
        let digits = (bytes[place] < 16 ? "0" : "") + String(bytes[place], radix: 16)
        return place == stop ? Self.mark(HTML(digits)) : HTML(digits)
    }
}
