import AMQP
import Logging
import Service

/// Tells of input queues from which nothing comes, in the log and in `/readyz`: a condition for each, `queue NAME`.
struct QueueWatch: Sendable {
    let readiness: Readiness
    let logger: Logger

    init(_ queues: [QueueDeclaration], readiness: Readiness, logger: Logger) {
        self.readiness = readiness
        self.logger = logger
        for queue in queues {
            readiness.declare(Self.condition(queue.name))
            // Until it shows: the connection has a condition of its own.
            readiness.set(Self.condition(queue.name), .ready)
        }
    }

    func note(_ change: QueueChange) {
        let status = change.failure.map { Readiness.Status.notReady($0.message) } ?? .ready
        guard readiness.set(Self.condition(change.name), status) else { return }
        if let failure = change.failure {
            logger.warning(
                "nothing comes from a queue, the others go on",
                metadata: ["queue": "\(change.name)", "error": "\(failure)"])
        } else {
            logger.info("messages come from the queue again", metadata: ["queue": "\(change.name)"])
        }
    }

    private static func condition(_ queue: String) -> String { "queue \(queue)" }
}
