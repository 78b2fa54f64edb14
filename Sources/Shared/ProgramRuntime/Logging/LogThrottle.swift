/// Decides whether a message that repeats during an outage is said again: at once, then every so often.
///
/// One throttle stands for one condition. It has no clock and no logger: the caller brings both.
public struct LogThrottle: Sendable {
    /// Whether to say it.
    public enum Decision: Sendable, Equatable {
        /// Say it, and that it was kept back this many times since it was last said.
        case say(keptBack: Int)
        /// Keep it back.
        case keepBack
    }

    private let interval: Duration
    private var lastSaid: ContinuousClock.Instant?
    private var keptBack = 0

    /// - Parameter interval: The time between two repetitions.
    public init(every interval: Duration) {
        self.interval = interval
    }

    /// The condition holds (still): decides whether to say so.
    public mutating func report(at now: ContinuousClock.Instant) -> Decision {
        if let lastSaid, now - lastSaid < interval {
            keptBack += 1
            return .keepBack
        }
        defer { keptBack = 0 }
        lastSaid = now
        return .say(keptBack: keptBack)
    }

    /// The condition is over: the next report is said at once.
    /// - Returns: Whether anything was said since the last time, so that its end is worth a line.
    public mutating func clear() -> Bool {
        defer {
            lastSaid = nil
            keptBack = 0
        }
        return lastSaid != nil
    }
}
