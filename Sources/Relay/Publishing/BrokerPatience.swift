/// How the broker behaves, and how long that is borne. No I/O, no clock.
struct BrokerPatience {
    /// The broker has refused all messages for ``refusalLimit``: a new connection may help, and does no harm.
    ///
    /// Most often the queue is full, and waiting is right. But some channels of RabbitMQ 3.10 refuse everything for as long as they
    /// live, and a new one does not: one that was opened when a quorum queue had just lost its leader goes on asking the node
    /// that is gone; and one that was told that a quorum queue is full does not hear that its limit was taken away.
    struct RefusesForTooLong: Error, CustomStringConvertible {
        var description: String {
            "nothing but refusals for \(refusalLimit.components.seconds) s: trying a new connection"
        }
    }

    static let refusalLimit = Duration.seconds(10)
    static let silenceLimit = Duration.seconds(10)

    /// Why the broker takes nothing at the moment (short of memory or disk): what is sent waits in the socket.
    private var blocked: String?
    /// Why lanes wait: the broker did not take a row, and nothing was taken since.
    private var refusal: String?
    /// It accepts and does not confirm (a quorum queue without its majority, say): to publish again would only repeat.
    private var silence: String?
    /// When the broker last said anything of what was published, or the first of it left.
    private var lastOutcome: ContinuousClock.Instant?
    /// Since when it has refused everything.
    private var refusingSince: ContinuousClock.Instant?

    /// Why nothing is delivered; nil when it is.
    var trouble: String? { blocked.map { "the broker is blocked: \($0)" } ?? refusal ?? silence }
    /// Whether a lane waited, and nothing was confirmed since.
    var isHeldUp: Bool { refusal != nil }
    var isBlocked: Bool { blocked != nil }

    /// Rows leave while none is on its way.
    mutating func firstLeft(at now: ContinuousClock.Instant) { lastOutcome = now }

    mutating func heard(at now: ContinuousClock.Instant) {
        lastOutcome = now
        silence = nil
    }

    mutating func confirmed() { refusingSince = nil }

    mutating func refused(at now: ContinuousClock.Instant) {
        refusingSince = refusingSince ?? now
        refusal = "the broker refuses messages (is the queue full?)"
    }

    mutating func returned(code: UInt16, text: String) { refusal = "unroutable: \(code) \(text)" }

    mutating func setBlocked(_ reason: String?) { blocked = reason }

    /// Nothing waits for the broker any more.
    mutating func relieved() { refusal = nil }

    /// What waited is no longer there to be confirmed: it is another relay's by now, or superseded.
    mutating func forgetRefusals() {
        refusal = nil
        refusingSince = nil
    }

    /// Time to look whether the broker still answers.
    /// - Parameter inFlight: how many rows are on their way, which a new connection would repeat.
    /// - Throws: when a new connection should be tried.
    mutating func look(inFlight: Int, at now: ContinuousClock.Instant) throws(RefusesForTooLong) {
        if let lastOutcome, inFlight > 0, !isBlocked, now - lastOutcome > Self.silenceLimit {
            silence = "no confirm for \((now - lastOutcome).components.seconds) s"
        }
        if let refusingSince, inFlight == 0, now - refusingSince >= Self.refusalLimit { throw RefusesForTooLong() }
    }
}
