/// How long to wait before the next attempt, without clock or sleep of its own.
///
/// Full jitter: a random time between the floor and a ceiling that doubles with each attempt, so that many clients
/// don't come back at the same moment. Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
public struct Backoff: Sendable {
    private let initial: Duration
    private let maximum: Duration
    private let floor: Duration
    private var ceiling: Duration

    /// - Parameters:
    ///   - initial: The ceiling of the first wait.
    ///   - maximum: The ceiling that is never passed.
    ///   - floor: The shortest wait, so that a server that refuses at once isn't asked in a tight loop.
    public init(
        initial: Duration = .milliseconds(100), maximum: Duration = .seconds(5), floor: Duration = .milliseconds(50)
    ) {
        precondition(.zero <= floor && floor <= initial && initial <= maximum, "floor, initial, maximum must rise")
        self.initial = initial
        self.maximum = maximum
        self.floor = floor
        ceiling = initial
    }

    /// The next wait; the ceiling of the one after it is twice as high.
    public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        defer { ceiling = min(ceiling * 2, maximum) }
        return floor + (ceiling - floor) * Double.random(in: 0...1, using: &generator)
    }

    /// The next wait, with the random numbers of the system.
    public mutating func next() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return next(using: &generator)
    }

    /// Begins anew, after an attempt that succeeded.
    public mutating func reset() {
        ceiling = initial
    }
}
