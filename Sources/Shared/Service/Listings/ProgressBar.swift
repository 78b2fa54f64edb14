import Glibc

/// How far something long is, in place on a terminal's standard error; nothing where standard error is no terminal.
public struct ProgressBar: ~Copyable {
    private static let width = 30

    private let isTerminal: Bool
    private let output: (String) -> Void
    private var shownAt: ContinuousClock.Instant?

    /// A bar on standard error.
    public init() {
        self.init(isTerminal: isatty(STDERR_FILENO) == 1) { StandardStream.write($0, to: STDERR_FILENO) }
    }

    init(isTerminal: Bool, output: @escaping (String) -> Void) {
        self.isTerminal = isTerminal
        self.output = output
    }

    /// Shows how much is done and what is being done, five times a second at most.
    /// - Parameter share: 0 to 1; what is outside counts as the nearer of them.
    public mutating func show(_ share: Double, _ text: String) {
        guard isTerminal else { return }
        if let shownAt, .now - shownAt < .milliseconds(200) { return }
        shownAt = .now
        output("\r\u{1B}[K\(Self.line(share, SafeText.oneLine(text, limit: 80)))")
    }

    /// Takes the bar away, so that results stand alone.
    public consuming func clear() {
        if shownAt != nil { output("\r\u{1B}[K") }
    }

    /// `[##########----------]  50 %  text`.
    static func line(_ share: Double, _ text: String) -> String {
        let share = share.isNaN ? 0 : min(1, max(0, share))
        let done = Int(share * Double(width))
        let percent = "\(Int(share * 100))"
        return "[" + String(repeating: "#", count: done) + String(repeating: "-", count: width - done) + "] "
            + String(repeating: " ", count: 3 - percent.count) + percent + " %  " + text
    }
}
