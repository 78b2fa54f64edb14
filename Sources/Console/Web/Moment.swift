import ProgramRuntime

/// A time on a page. It is UTC; the script shows it by the browser's clock where somebody chose that, in the shape that the text has.
enum Moment {
    /// How much of a time is shown.
    enum Shape: Int {
        /// `2026-01-31 12:00`
        case minutes = 16
        /// `2026-01-31 12:00:00`
        case seconds = 19
        /// `2026-01-31 12:00:00.123`
        case milliseconds = 23
    }

    /// - Parameter time: as the server writes it, as in `2026-01-31T12:00:00.123Z`.
    static func html(_ time: String, _ shape: Shape = .seconds) -> HTML {
        "<time>\(String(time.prefix(shape.rawValue)).replacing("T", with: " ").replacing("Z", with: ""))</time>"
    }

    /// The same of a cell; a dash where there is none.
    static func html(_ value: ListingValue, _ shape: Shape = .seconds) -> HTML {
        value == .null || value.shown.isEmpty ? "–" : html(value.shown, shape)
    }

    /// A time in seconds since 1970.
    static func html(_ seconds: Int64) -> HTML { html(Figures.iso(seconds)) }

    /// A part of a time that stands for the whole, as in `12:00`.
    /// - Parameter seconds: the whole, since 1970.
    static func html(_ part: String, of seconds: Int64) -> HTML {
        "<time datetime=\"\(Figures.iso(seconds))\">\(part)</time>"
    }

    /// Of a text, what is a time; the rest as it is.
    static func ifTime(_ text: String) -> HTML {
        let isTime = text.utf8.allSatisfy { "0123456789-:. TZ".utf8.contains($0) } && ISOTime.milliseconds(text) != nil
        return isTime ? html(text) : HTML(text)
    }
}
