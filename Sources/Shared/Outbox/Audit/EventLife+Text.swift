import ProgramRuntime

extension EventLife {
    /// The life on one screen, a line for each thing.
    package var lines: [String] {
        var lines = [
            Self.line("event", "\(event.id)"),
            Self.line("what", "\(event.kind) of \(market)"),
            Self.line("interval", "\(event.intervalStart) to \(event.intervalEnd)"),
            Self.line("trace id", event.trace ?? "none"),
            Self.line("lane", "\(event.lane)"),
            Self.line("body", "\(event.bodyBytes) bytes"),
            Self.line("state", "\(state), \(attempts) \(attempts == 1 ? "attempt" : "attempts")"),
        ]
        if let lastError { lines.append(Self.line("last error", lastError)) }
        return lines + [""] + steps.map(Self.line)
    }

    private var market: String {
        let name = [event.symbol, event.exchange.map { "on \($0)" }].compactMap(\.self).joined(separator: " ")
        return "market \(event.market)" + (name.isEmpty ? ", which is not known" : ", \(name)")
    }

    private static func line(_ step: Step) -> String {
        let time = step.time ?? "-"
        let blanks = String(repeating: " ", count: max(0, 24 - time.count))
        return line(step.name, step.note.isEmpty ? time : "\(time)\(blanks)  \(step.note)")
    }

    /// Names and reasons come from outside: whatever they hold, the line stays one line.
    private static func line(_ name: String, _ text: String) -> String {
        name + String(repeating: " ", count: max(1, 12 - name.count)) + SafeText.oneLine(text, limit: 400)
    }
}
