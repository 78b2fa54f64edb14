import ProgramRuntime

/// Whether anything may be published, by what is known of the ledger. No I/O, no clock.
///
/// What is published and can't be recorded is repeated by whoever comes next. So nothing leaves while the ledger takes no entry,
/// nor when it has not answered for so long that the server may have given the lanes to another relay: this one may have been
/// stopped meanwhile.
struct LedgerPatience {
    /// Below the time after which the server ends a session of which nothing is heard: ``LaneLedger/sessionLimits``.
    static let leaseTime = Duration.seconds(9)

    private var lastAnswer: ContinuousClock.Instant?
    private var backoff = Backoff()
    /// It did not take the last entries.
    private(set) var isHeld = false

    func mayPublish(at now: ContinuousClock.Instant) -> Bool {
        guard !isHeld, let lastAnswer else { return false }
        return now - lastAnswer <= Self.leaseTime
    }

    mutating func answered(at now: ContinuousClock.Instant) { lastAnswer = now }

    /// - Returns: how long to wait before it is tried again.
    mutating func hold() -> Duration {
        isHeld = true
        return backoff.next()
    }

    mutating func release() {
        isHeld = false
        backoff.reset()
    }
}
