import Glibc

/// A line on standard error that says how far something is: in place on a terminal; nowhere else, but for its end.
public struct ProgressBar {
    private static let width = 30

    private let isTerminal: Bool
    private let output: (String) -> Void
    private var shownAt: ContinuousClock.Instant?

    public init() {
        self.init(isTerminal: isatty(STDERR_FILENO) == 1) { StandardStream.write($0, to: STDERR_FILENO) }
    }

    init(isTerminal: Bool, output: @escaping (String) -> Void) {
        self.isTerminal = isTerminal
        self.output = output
    }

    /// Whether it is time to show the state again, five times a second at most: never where nobody sees it.
    public var isDue: Bool {
        guard isTerminal, let shownAt else { return isTerminal }
        return .now - shownAt > .milliseconds(200)
    }

    /// Shows the state if that is due.
    /// - Parameter share: 0 to 1, what is outside counts as the nearer of them; nil if it is not known.
    public mutating func show(_ share: Double?, _ text: @autoclosure () -> String) {
        guard isDue else { return }
        shownAt = .now
        output("\r\u{1B}[K\(Self.bar(share))\(SafeText.oneLine(text(), limit: 100))")
    }

    /// Shows the end, and leaves it there, also where there is no terminal.
    public func finish(_ share: Double?, _ text: String) {
        output((isTerminal ? "\r\u{1B}[K\(Self.bar(share))" : "") + text + "\n")
    }

    /// Takes the line away, so that results stand alone.
    public func clear() {
        if shownAt != nil { output("\r\u{1B}[K") }
    }

    /// `[##########----------]  50 %  `, nothing where the share is not known.
    static func bar(_ share: Double?) -> String {
        guard let share else { return "" }
        let bounded = share.isNaN ? 0 : min(1, max(0, share))
        let done = Int(bounded * Double(width))
        let percent = "\(Int(bounded * 100))"
        return "[" + String(repeating: "#", count: done) + String(repeating: "-", count: width - done) + "] "
            + String(repeating: " ", count: 3 - percent.count) + percent + " %  "
    }
}
