import AMQP
import Postgres

/// What a relay session waits for.
enum RelayEvent: Sendable {
    /// The doorbell rang, or it is time to look.
    case woken
    /// An operator superseded rows.
    case superseded
    case read(OutboxReader.Answer)
    case settled([Outcome])
    case recorded([PublishingWindow.LedgerEntry])
    /// What is confirmed should be recorded now.
    case recordDue
    case resume(lane: Int)
    /// It is time to look which lanes this relay should have.
    case musterDue
    case mustered(LaneShare)
    case left
    case claimed([LaneLedger.Claim])
    /// Rows that were to be put aside are.
    case parked
    /// It is time to look whether the broker still answers.
    case lookAtConfirms
    /// Finish what is on its way, begin nothing new.
    case drain
}

/// Where tasks post their events; an error of any of them ends the session.
struct EventPost: Sendable {
    private let inbox: AsyncThrowingStream<RelayEvent, any Error>.Continuation

    init(_ inbox: AsyncThrowingStream<RelayEvent, any Error>.Continuation) { self.inbox = inbox }

    func callAsFunction(_ event: RelayEvent) { inbox.yield(event) }

    /// Runs `work` in a task of its own and posts the event that it ends with.
    func perform(
        _ tasks: inout DiscardingTaskGroup, _ work: @escaping @Sendable () async throws -> RelayEvent
    ) {
        watch(&tasks) { post in post(try await work()) }
    }

    /// Runs `work`, which posts events for as long as it runs.
    func watch(_ tasks: inout DiscardingTaskGroup, _ work: @escaping @Sendable (EventPost) async throws -> Void) {
        tasks.addTask { [self] in
            do { try await work(self) } catch { inbox.finish(throwing: error) }
        }
    }
}
