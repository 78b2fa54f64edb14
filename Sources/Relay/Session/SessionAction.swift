import Outbox

/// What a session is to do next.
enum SessionAction: Sendable {
    /// The first of the rows has the given delivery tag.
    case publish([Departure], firstTag: UInt64)
    case begin(SessionWork)
    case say(SessionNews)
    /// End the session, to go on with new connections.
    case giveUp(any Error)
    /// All is done that was to be done before the end.
    case finish
}

/// What takes time, and is answered by a ``SessionEvent``.
enum SessionWork: Sendable {
    case read([ReadRequest])
    case record([LedgerEntry])
    case countRelays
    case claim([Int], limit: Int)
    case release([Int], clean: [Int])
    /// Put rows aside that the broker rejects for what is in them.
    case park([PoisonRows.Row])
    /// Let a lane wait.
    case wait(lane: Int, claim: Int, Duration)
    /// Let the ledger wait.
    case waitForLedger(Duration)
    /// Look for the queue, and create it if it is missing.
    case ensureQueue
}

/// What a session has to tell.
enum SessionNews: Sendable {
    /// The rows that the broker has, and when each was published.
    case confirmed([(row: OutboxRow, leftAt: ContinuousClock.Instant)])
    case refused(Int)
    case returned
    /// Why the output queue takes no messages; nil when it does.
    case outputQueue(trouble: String?)
    /// Why the ledger can't be extended, and nothing is published therefore; nil when it can.
    case ledger(trouble: String?)
    case parks([PoisonRows.Row])
    case tookLanes([LaneLedger.Claim], owned: Int)
    case leftLanes([Int], owned: Int)
    case readsAgain
}
