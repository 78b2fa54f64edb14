import ProgramRuntime

/// Text that is HTML. What is interpolated is escaped, and what hides itself in it is made visible: only HTML goes in as it is.
struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
    private(set) var text: String

    init(stringLiteral value: String) { text = value }

    init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    /// Any text, escaped.
    init(_ text: String) { self.text = Self.escape(SafeText.oneLine(text, limit: Self.mostBytes)) }

    static let none: HTML = ""

    /// A text of elsewhere is cut beyond this many bytes.
    private static let mostBytes = 4096

    static func += (left: inout HTML, right: HTML) { left.text += right.text }
    static func + (left: HTML, right: HTML) -> HTML {
        var sum = left
        sum += right
        return sum
    }

    /// The HTML if the condition holds, else nothing.
    static func when(_ condition: Bool, _ html: @autoclosure () -> HTML) -> HTML { condition ? html() : .none }

    /// Text of several lines, for `<pre>`.
    static func lines(_ text: String, limit: Int) -> HTML {
        var html = HTML.none
        html.text = escape(SafeText.lines(text, limit: limit))
        return html
    }

    /// The content of a text field: exactly this text, for it comes back.
    static func field(_ text: String) -> HTML {
        var html = HTML.none
        html.text = "\n" + escape(text)
        return html
    }

    private static func escape(_ text: String) -> String {
        guard text.utf8.contains(where: { "&<>\"'`".utf8.contains($0) }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "`": result += "&#96;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ text: String) { self.text += HTML(text).text }
        mutating func appendInterpolation(_ html: HTML) { text += html.text }
        mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { text += part.text } }
        mutating func appendInterpolation(_ number: some BinaryInteger) { text += String(number) }
        /// One decimal at most: for coordinates.
        mutating func appendInterpolation(at place: Double) { text += Figures.short(place) }
    }
}

extension [HTML] {
    func joined(by separator: HTML = .none) -> HTML {
        var sum = HTML.none
        for (place, part) in enumerated() {
            if place > 0 { sum += separator }
            sum += part
        }
        return sum
    }
}
