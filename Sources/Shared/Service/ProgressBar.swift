import Glibc

/// A line on standard error that says how far something is: in place on a terminal, else once at the end.
public struct ProgressBar {
    private static let width = 30

    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var shownAt = ContinuousClock.now

    public init() {}

    /// Whether it is time to show the state again: never where nobody sees it.
    public var isDue: Bool { isTerminal && .now - shownAt > .milliseconds(200) }

    /// Shows the state.
    /// - Parameter share: 0 to 1; nil if it is not known.
    public mutating func update(share: Double?, _ text: String) {
        shownAt = .now
        show("\r\(Self.bar(share))\(text)  ")
    }

    /// Shows the end, and leaves it there.
    public func finish(share: Double?, _ text: String) {
        show((isTerminal ? "\r\(Self.bar(share))" : "") + text + "  \n")
    }

    /// `[##########----------]  50 %  `, nothing where the share is unknown.
    static func bar(_ share: Double?) -> String {
        guard let share else { return "" }
        let bounded = max(0, min(1, share))
        let done = Int(bounded * Double(width))
        let percent = "\(Int(bounded * 100))"
        let bar = String(repeating: "#", count: done) + String(repeating: "-", count: width - done)
        return "[\(bar)] \(String(repeating: " ", count: 3 - percent.count))\(percent) %  "
    }

    private func show(_ text: String) { StandardStream.write(text, to: STDERR_FILENO) }
}
