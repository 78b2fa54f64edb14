/// For how long the broker has refused messages without confirming one. No I/O, no clock.
///
/// Most often the queue is full, and waiting is right. But some channels of RabbitMQ 3.10 refuse everything for as long as they
/// live, and a new one does not: one that was opened when a quorum queue had just lost its leader goes on asking the node
/// that is gone; and one that was told that a quorum queue is full does not hear that its limit was taken away.
struct RefusalWatch {
    /// The broker has refused all messages for ``limit``: a new connection may help, and does no harm.
    struct TooLong: Error, CustomStringConvertible {
        var description: String { "nothing but refusals for \(limit.components.seconds) s: trying a new connection" }
    }

    static let limit = Duration.seconds(10)
    private var since: ContinuousClock.Instant?

    mutating func refused(at now: ContinuousClock.Instant) { since = since ?? now }
    mutating func confirmed() { since = nil }

    /// - Parameter inFlight: how many rows are on their way, which a new connection would repeat.
    func check(inFlight: Int, at now: ContinuousClock.Instant) throws(TooLong) {
        if let since, inFlight == 0, now - since >= Self.limit { throw TooLong() }
    }
}
