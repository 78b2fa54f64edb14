import AMQP
import Logging
import ProgramRuntime

/// Tells of input queues from which nothing comes, in the log and in `/readyz`: a condition for each, `queue NAME`.
struct QueueWatch: Sendable {
    let readiness: Readiness
    let logger: Logger

    /// - Parameter queues: more may be declared later.
    init(_ queues: [QueueDeclaration], readiness: Readiness, logger: Logger) {
        self.readiness = readiness
        self.logger = logger
        declare(queues)
    }

    /// Those that are there already stay as they are.
    func declare(_ queues: [QueueDeclaration]) {
        let known = Set(readiness.snapshot.conditions.map(\.name))
        for name in queues.map({ ConditionName.queue($0.name) }) where !known.contains(name.description) {
            readiness.declare(name)
            // Until it shows: the connection has a condition of its own.
            readiness.set(name, .ready)
        }
    }

    func note(_ change: QueueChange) { note(change.name, change.failure) }

    /// - Parameter failure: why nothing comes from the queue; nil when messages flow.
    func note(_ queue: String, _ failure: AMQPError?) {
        let status = failure.map { Readiness.Status.notReady($0.message) } ?? .ready
        guard readiness.set(.queue(queue), status) else { return }
        if let failure {
            logger.warning(
                "a queue delivers nothing, the others go on", metadata: ["queue": "\(queue)", "error": "\(failure)"])
        } else {
            logger.info("the queue delivers again", metadata: ["queue": "\(queue)"])
        }
    }
}
