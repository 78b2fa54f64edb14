import Glibc
import Service

/// Keeps the pace of a feed and shows how far it is: in place on a terminal, else a line at the end.
struct FeedProgress {
    private let start = ContinuousClock.now
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var shownAt = ContinuousClock.now
    private var count = 0

    /// Waits as long as the rate demands.
    mutating func confirmed(_ more: Int, rate: Double?) async throws {
        count += more
        if isTerminal, .now - shownAt > .milliseconds(200) {
            shownAt = .now
            show("\r\(text) …")
        }
        guard let rate else { return }
        try await Task.sleep(until: start + .seconds(Double(count) / rate), clock: .continuous)
    }

    func finish() { show((isTerminal ? "\r" : "") + text + "     \n") }

    private var text: String {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return "\(count) messages confirmed, \(Int(Double(count) / max(seconds, 0.001)))/s"
    }

    private func show(_ text: String) { StandardStream.write(text, to: STDERR_FILENO) }
}
