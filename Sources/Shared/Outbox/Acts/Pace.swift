/// Keeps to a rate: how many messages leave at once, and when the next ones are due.
struct Pace {
    private static let largestWindow = 1000

    private let rate: Int?
    private var due: ContinuousClock.Instant

    /// - Parameter rate: messages a second; 0 for as fast as the broker confirms them.
    init(rate: Int, at now: ContinuousClock.Instant = .now) {
        self.rate = rate > 0 ? rate : nil
        due = now
    }

    /// Windows of a twentieth of a second, so that the flow is even.
    var windowSize: Int { rate.map { max(1, min(Self.largestWindow, $0 / 20)) } ?? Self.largestWindow }

    /// Notes messages that are done with. Time that was lost, as with a queue that is full, is not caught up with.
    /// - Returns: how long to wait before the next ones.
    mutating func done(_ messages: Int, at now: ContinuousClock.Instant = .now) -> Duration {
        guard let rate else { return .zero }
        due = max(now, due + .seconds(Double(messages) / Double(rate)))
        return due - now
    }
}
