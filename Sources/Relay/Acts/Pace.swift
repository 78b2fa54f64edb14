/// Keeps to a rate: how many messages leave at once, and when the next ones are due.
struct Pace {
    private static let largestWindow = 1000

    private let rate: Int?
    private let start = ContinuousClock.now
    private var count = 0

    /// - Parameter rate: messages a second; 0 for as fast as the broker confirms them.
    init(rate: Int) { self.rate = rate > 0 ? rate : nil }

    /// Windows of a twentieth of a second, so that the flow is even.
    var windowSize: Int { rate.map { max(1, min(Self.largestWindow, $0 / 20)) } ?? Self.largestWindow }

    /// Notes messages that are done with.
    /// - Returns: how long to wait before the next ones.
    mutating func done(_ messages: Int) -> Duration {
        count += messages
        guard let rate else { return .zero }
        return max(.zero, start + .seconds(Double(count) / Double(rate)) - .now)
    }
}
