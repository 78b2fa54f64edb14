import AMQP
import CoreMetrics
import Logging
import ProgramRuntime
import Records
import Storing
import Traces

/// What the writer says about itself: each fact is told here once, and goes into `/readyz`, the log and the metrics.
struct WriterReport: Sendable {
    let readiness: Readiness
    let logger: Logger
    /// Whether what was taken is stored.
    let progress: WriterProgress
    /// From which queues nothing comes.
    let queues: QueueWatch
    private let metrics = WriterMetrics()
    private let tracer: Tracer?
    private let redeliveries: Redeliveries

    /// - Parameters:
    ///   - queues: those that are to be consumed; more may be declared later.
    ///   - tracer: takes the spans of sampled messages; nil where nobody wants any.
    init(_ readiness: Readiness, queues: [QueueDeclaration], tracer: Tracer?, logger: Logger) {
        self.tracer = tracer
        self.readiness = readiness
        self.logger = logger
        readiness.declare(.postgres, .rabbitmq, .outboxPartitions, .deliveryLimits)
        readiness.set(.deliveryLimits, .ready)
        readiness.set(.outboxPartitions, .ready)
        progress = WriterProgress(readiness, logger: logger)
        self.queues = QueueWatch(queues, readiness: readiness, logger: logger)
        redeliveries = Redeliveries(logger: logger)
    }

    /// Looks at the progress and sends spans until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await progress.watch() }
            if let tracer { group.addTask { await tracer.run() } }
        }
    }

    /// - Parameter kinds: by ``Delivery/queue``.
    func received(_ batch: DeliveryBatch, kinds: [Int]) {
        metrics.received(batch, kinds: kinds)
        redeliveries.note(batch, kinds: kinds)
    }

    /// A batch is committed, and acknowledged.
    func stored(_ result: StoreResult) { metrics.record(result) }

    func brokerConnected() {
        if readiness.set(.rabbitmq, .ready) { logger.info("connected", metadata: ["to": "rabbitmq"]) }
    }

    func brokerUnavailable(_ error: any Error) {
        guard readiness.set(.rabbitmq, .notReady("\(error)")) else { return }
        logger.warning("unavailable, retrying", metadata: ["what": "rabbitmq", "error": "\(error)"])
    }

    /// - Parameter limit: for how long they were held.
    func givesBack(after limit: Duration) {
        // No fault of the broker's; what PostgreSQL refuses is said where it is tried.
        logger.warning(
            "messages go back to their queues until they can be stored",
            metadata: ["held": "\(DurationText.format(limit))"])
    }

    /// - Parameter open: how many messages are in quarantine, by reason.
    func quarantine(open: [Refusal.Reason: Int64]) { metrics.quarantine(open: open) }

    /// - Parameters:
    ///   - ahead: ids for which there are partitions.
    ///   - isTold: whether it is to be said in the log that they are too few.
    func idsAhead(_ ahead: Int64, wanted: Int64, isTold: Bool) {
        metrics.idsAhead.record(ahead)
        // Less than half of what is wanted means that they could not be made.
        let isEnough = ahead >= wanted / 2
        readiness.set(.outboxPartitions, isEnough ? .ready : .notReady("ids for \(ahead) rows are left"))
        guard !isEnough, isTold else { return }
        logger.error("outbox partitions run short", metadata: ["ids": "\(ahead)", "wanted": "\(wanted)"])
    }
}
