import AMQP
import Outbox

/// What a relay session waits for.
enum SessionEvent: Sendable {
    /// The doorbell rang, or it is time to look.
    case woken
    /// An operator superseded rows.
    case superseded
    case read(ReadAnswer)
    case settled([Outcome])
    case recorded([LedgerEntry])
    /// The database did not take the entries, for a reason that may pass.
    case notRecorded(reason: String)
    /// It is time to try again to record.
    case recordAgain
    /// A lane has waited.
    case resume(lane: Int, claim: Int)
    /// It is time to look which lanes this relay should have.
    case balanceDue
    case counted(LaneShare)
    case claimed([LaneLedger.Claim])
    case released
    /// Rows that were to be put aside are.
    case parked
    case queueIsThere
    /// Why the broker takes nothing at the moment; nil when it does.
    case blocked(String?)
    /// It is time to look whether the broker still answers.
    case lookAtBroker
    /// Finish what is on its way, begin nothing new.
    case drain
}
