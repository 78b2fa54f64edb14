import Logging
import Outbox
import ProgramRuntime
import Synchronization

/// Whether rows move, whatever the reason if they don't, and whichever relay it is: rows that wait while none of their lane leaves
/// are an alarm, and so is a session that has stopped looking. The watch runs beside the session, as a thread of that may be stuck.
final class RelayProgress: Sendable {
    /// A session looks every two seconds.
    private let lastLook = Mutex(ContinuousClock.now)
    private let condition: ProgressCondition

    init(_ readiness: Readiness, logger: Logger) {
        condition = ProgressCondition(
            readiness, logger: logger, moves: "publishing has resumed", stands: "publishing has stalled")
    }

    /// The session has looked what is pending.
    func looked(_ report: PendingReport, at now: ContinuousClock.Instant = .now) {
        lastLook.withLock { $0 = now }
        condition.set(stillFor: .seconds(report.stillFor)) { seconds in
            "\(report.rows) rows are pending, and of a lane with such none was published for \(seconds) s"
        }
    }

    /// Looks every five seconds until the task is cancelled.
    func watch() async { await ProgressCondition.watch { check() } }

    func check(at now: ContinuousClock.Instant = .now) {
        let silence = now - lastLook.withLock { $0 }
        guard silence > ProgressCondition.limit else { return }
        condition.set(stillFor: silence) { "what is pending was not looked at for \($0) s" }
    }
}
