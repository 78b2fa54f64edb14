import AMQP
import Postgres

/// What a relay session waits for.
enum RelayEvent: Sendable {
    /// The doorbell rang, or it is time to look.
    case woken
    case read(Rows, [OutboxReader.Request])
    case settled([Outcome])
    case recorded([PublishingWindow.LedgerEntry])
    /// What is confirmed should be recorded now.
    case recordDue
    case resume(lane: Int)
    case claimDue
    case claimed([LaneLedger.Claim])
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
