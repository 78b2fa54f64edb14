import Logging
import Service
import Synchronization

/// Whether rows move, whatever the reason if they don't, and whichever relay it is: rows that wait while none of their lane leaves
/// are an alarm, and so is a session that has stopped looking. The watch runs beside the session, as a thread of that may be stuck.
final class RelayProgress: Sendable {
    /// How long a lane with pending rows may stand still, and how old what is known of it may be. A session looks every two seconds.
    static let limit = Duration.seconds(60)

    private let lastLook = Mutex(ContinuousClock.now)
    private let readiness: Readiness
    private let logger: Logger

    init(_ readiness: Readiness, logger: Logger) {
        (self.readiness, self.logger) = (readiness, logger)
        readiness.declare("progress")
        readiness.set("progress", .ready)
    }

    /// The session has looked what is pending.
    func looked(_ report: PendingReport, at now: ContinuousClock.Instant = .now) {
        lastLook.withLock { $0 = now }
        let still = Int64(report.stillFor)
        guard .seconds(report.stillFor) > Self.limit else { return set(.ready) }
        set(
            .notReady("\(report.rows) rows are pending, and of a lane with such none was published for \(still) s"),
            after: still)
    }

    /// Looks every second until the task is cancelled.
    func watch() async {
        while !Task.isCancelled {
            check()
            try? await Task.sleep(for: .seconds(1))
        }
    }

    func check(at now: ContinuousClock.Instant = .now) {
        let silence = now - lastLook.withLock { $0 }
        guard silence > Self.limit else { return }
        let seconds = silence.components.seconds
        set(.notReady("what is pending was not looked at for \(seconds) s"), after: seconds)
    }

    private func set(_ status: Readiness.Status, after seconds: Int64 = 0) {
        guard readiness.set("progress", status) else { return }
        if status == .ready {
            logger.info("rows move again")
        } else {
            logger.error("nothing moves, or nobody looks", metadata: ["seconds": "\(seconds)"])
        }
    }
}
