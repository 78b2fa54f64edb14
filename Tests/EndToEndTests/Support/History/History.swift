/// Everything that can be known of a run when it is over: what went in, what is stored, what came out.
struct History: Sendable {
    /// A row of a record table.
    struct StoredRecord: Sendable {
        let id: RecordID
        /// Whether its values are those that its outbox row announces.
        var isAsAnnounced = true
    }

    /// A row of the outbox, with its state by `outbox_audit`.
    struct OutboxRow: Sendable {
        let id: Int64
        let record: RecordID
        var state: String
        var body: [UInt8]
    }

    /// A message in quarantine.
    struct Refused: Sendable {
        var body: [UInt8]
        /// Its code.
        var reason: String
    }

    /// The messages whose publishing was confirmed.
    var sent: [Message] = []
    var records: [StoredRecord] = []
    /// In the order of ids.
    var outbox: [OutboxRow] = []
    /// What is in quarantine still.
    var quarantine: [Refused] = []
    /// What the gateway received, in order.
    var deliveries: [Announcement] = []

    /// When each of `sent` was published, each of `deliveries` came, and each fault began and ended; empty if not
    /// recorded.
    var times = Times()

    struct Times: Sendable {
        var sent: [ContinuousClock.Instant] = []
        var received: [ContinuousClock.Instant] = []
        var faults: [ContinuousClock.Instant] = []
    }

    /// How many rows there were before anything was sent.
    var leftovers = 0
    /// Whether everything was stored and announced within the time for it.
    var isDrained = true
    /// Whether records of a market and kind were committed in the order in which they were sent: so with one collector and
    /// one writer.
    var isInOrderOfArrival = true
    /// How many messages the broker has dropped because they came back too often.
    var dropped = 0
    /// How many repetitions the faults of the run allow: the relay's window for each hard one, 0 if there was none.
    var allowedDuplicates = 0
    /// With fewer messages the run shows nothing.
    var minimum = 1
    /// What was to be seen of each fault, and whether it was.
    var evidence: [(fault: String, isSeen: Bool)] = []
}

/// A promise that a history breaks.
struct Violation: Equatable, Sendable, CustomStringConvertible {
    enum Code: String, CaseIterable, Sendable {
        /// Too few messages, a fault that nobody has seen, tables that were not empty, times that run backwards: the run shows
        /// nothing.
        case voidRun = "V0"
        /// Confirmed to the collector, a good message, and not stored.
        case lostInput = "V1"
        /// A record without its outbox row, an outbox row without its record, or other values.
        case torn = "V2"
        /// A record, an outbox row or an announcement that nobody sent.
        case invented = "V3"
        /// A pending row that was never announced.
        case lostOutput = "V4"
        /// Published by the books, and never announced.
        case falseMark = "V5"
        /// Announced, and by the books it was not.
        case unmarked = "V6"
        /// Within a market and kind, announced so that a consumer that follows the chain never takes it, or committed before an
        /// earlier one.
        case order = "V7"
        /// Other bytes than were sent.
        case altered = "V8"
        /// More repetitions than the faults allow.
        case duplicates = "V9"
        /// A good message in quarantine, or a bad one that is not there or there for another reason.
        case poison = "V10"
        /// Not done in time.
        case stuck = "V11"
        /// A record with two outbox rows.
        case secondRow = "V12"
        /// Dropped by the broker, as it came back too often, whatever became of it since.
        case dropped = "V13"
    }

    let code: Code
    let detail: String

    var description: String { "\(code.rawValue) \(code): \(detail)" }
}
