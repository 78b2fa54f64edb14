import Glibc
import Service

/// Shows how far a feed is: a bar in place on a terminal, else a line at the end.
struct FeedProgress {
    /// The size of the input in bytes; nil if it is not known.
    let total: Int?
    private var bytesRead = 0
    private let start = ContinuousClock.now
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var shownAt = ContinuousClock.now
    private var count = 0

    /// Waits as long as the rate demands.
    init(total: Int?) { self.total = total }

    mutating func read(bytes: Int) { bytesRead += bytes }

    mutating func confirmed(_ more: Int) {
        count += more
        if isTerminal, .now - shownAt > .milliseconds(200) {
            shownAt = .now
            show("\r\(bar)\(text)  ")
        }
    }

    /// When the next window is due at this rate.
    func due(_ rate: Double) -> ContinuousClock.Instant { start + .seconds(Double(count) / rate) }

    func finish() { show((isTerminal ? "\r\(bar)" : "") + text + "  \n") }

    /// `[##########----------]  50 %  `, nothing where the size is unknown.
    private var bar: String {
        guard let total, total > 0 else { return "" }
        let share = min(1, Double(bytesRead) / Double(total))
        let done = Int(share * 30)
        let percent = "\(Int(share * 100))"
        return "[" + String(repeating: "#", count: done) + String(repeating: "-", count: 30 - done) + "] "
            + String(repeating: " ", count: 3 - percent.count) + percent + " %  "
    }

    private var text: String {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return "\(count) messages confirmed, \(Int(Double(count) / max(seconds, 0.001)))/s"
    }

    private func show(_ text: String) { StandardStream.write(text, to: STDERR_FILENO) }
}
