import Logging

/// One log line, ready to be written in either format.
struct LogLine {
    /// The most bytes of a message, and of the value of a key; longer ones are cut.
    static let messageLimit = 2048
    static let valueLimit = 1024
    /// The most keys on a line.
    static let keyLimit = 32

    let time: String
    let level: Logger.Level
    let logger: String
    let message: String
    let fields: [(key: String, value: String)]

    init(time: String, logger: String, event: LogEvent, metadata: Logger.Metadata) {
        self.time = time
        level = event.level
        self.logger = logger
        message = SafeText.cut(event.message.description, limit: Self.messageLimit)
        var fields = metadata.sorted { $0.key < $1.key }.prefix(Self.keyLimit).map { key, value in
            (key: SafeText.cut(key, limit: 64), value: SafeText.cut("\(value)", limit: Self.valueLimit))
        }
        if let error = event.error, metadata["error"] == nil {
            fields.append((key: "error", value: SafeText.cut("\(error)", limit: Self.valueLimit)))
        }
        self.fields = fields
    }

    /// A JSON object with its line end. A key that means something else in every line gets a `_` behind it.
    var json: String {
        var line = "{\"ts\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"logger\":\(JSONText.quoted(logger))"
        line += ",\"message\":\(JSONText.quoted(message))"
        for field in fields {
            let reserved = ["ts", "level", "logger", "message"].contains(field.key)
            line += ",\(JSONText.quoted(reserved ? field.key + "_" : field.key)):\(JSONText.quoted(field.value))"
        }
        return line + "}\n"
    }

    /// A line for people, with its line end.
    func text(colour: Bool) -> String {
        let word = level.rawValue.uppercased()
        let padded = word + String(repeating: " ", count: max(0, 8 - word.count))
        var line = "\(time) \(colour ? colourCode + padded + "\u{1B}[0m" : padded) "
        line += SafeText.oneLine(message, limit: .max)
        for field in fields {
            line += " \(SafeText.oneLine(field.key, limit: .max))=\(Self.plainOrQuoted(field.value))"
        }
        return line + "\n"
    }

    private var colourCode: String {
        switch level {
        case .trace, .debug: "\u{1B}[2m"
        case .info, .notice: "\u{1B}[32m"
        case .warning: "\u{1B}[33m"
        case .error, .critical: "\u{1B}[31m"
        }
    }

    private static func plainOrQuoted(_ value: String) -> String {
        let plain = !value.isEmpty && !value.unicodeScalars.contains { $0 == " " || $0 == "\"" || $0 == "=" }
        return plain ? SafeText.oneLine(value, limit: .max) : JSONText.quoted(value)
    }
}
