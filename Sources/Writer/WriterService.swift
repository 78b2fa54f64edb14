import AMQP
import Logging
import Program
import Records
import Service
import ServiceLifecycle
import Storing

/// Start reading here: the whole path of a message through the writer is ``consume(_:)``.
///
///     receive ─► decode, validate ─► one transaction ─► acknowledge ─► ring the relay's doorbell
struct WriterService: ServiceLifecycle.Service {
    let settings: WriterSettings
    let store: RecordStore
    let signals: WriterSignals
    let watch: DatabaseWatch
    let readiness: Readiness
    let metrics: WriterMetrics
    let progress: WriterProgress
    let queues: QueueWatch
    let logger: Logger

    /// Consumes until the program is to stop; then takes nothing new, stores and acknowledges what has arrived, and returns.
    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signals.run { try? await store.ensureConnected() } }
            group.addTask { await progress.watch() }
            group.addTask { await watch.run() }
            await consumeUntilShutdown()
            group.cancelAll()
        }
        await store.close()
    }

    /// Messages of several batches are never in the database at once, so they commit in the order in which they arrived.
    /// While one batch commits the next one is collected, and decoded as soon as it is full: so batches are small when
    /// little comes, and large under load.
    private func consume(_ consumer: AMQPConsumer) async throws {
        var batch = try await receive(consumer)
        while let current = batch {
            async let next = receive(consumer)
            try await store(current, of: consumer)
            batch = try await next
        }
    }

    /// A batch and the tag that acknowledges all of it.
    private typealias Received = (batch: PreparedBatch, lastTag: UInt64)

    private func receive(_ consumer: AMQPConsumer) async throws -> Received? {
        let deliveries = try await consumer.nextBatch(
            limit: settings.batchSize, maximumBytes: settings.batchBytes, delay: settings.batchDelay,
            awaitsAcknowledgement: true)
        guard let deliveries, let last = deliveries.deliveries.last else { return nil }
        progress.took()
        Failpoint.reach("writer.received")
        metrics.received(deliveries, kinds: settings.kinds)
        return (decode(deliveries), last.tag)
    }

    private func decode(_ deliveries: DeliveryBatch) -> PreparedBatch {
        var batch = PreparedBatch(
            bytes: deliveries.bytes, firstArrival: deliveries.firstArrival, capacity: deliveries.deliveries.count)
        for delivery in deliveries.deliveries {
            batch.add(
                body: delivery.body, kind: settings.kinds[delivery.queue],
                headers: delivery.headers.map { ($0.name, $0.value) }, maximumBytes: settings.maximumMessageBytes)
        }
        return batch
    }

    private func store(_ received: Received, of consumer: AMQPConsumer) async throws {
        let result = try await store.store(received.batch)
        progress.stored()
        await consumer.acknowledge(through: received.lastTag)
        Failpoint.reach("writer.after_ack")
        if result.storedCount > 0 { signals.ringDoorbell() }
        metrics.record(result)
    }

    // MARK: connecting

    /// The pauses grow until something is stored: a connection alone is no progress.
    private func consumeUntilShutdown() async {
        var backoff = Backoff()
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            let began = ContinuousClock.now
            do {
                try await store.ensureConnected()
                let consumer = try await cancelWhenGracefulShutdown { try await connect() }
                if readiness.set("rabbitmq", .ready) { logger.info("rabbitmq connected") }
                try await withTaskExecutorPreference(consumer.taskExecutor) { try await consumeUntilDrained(consumer) }
                return
            } catch is CancellationError {
                return
            } catch {
                if progress.hasStored(since: began) { backoff.reset() }
                guard !Task.isShuttingDownGracefully else { return }
                if readiness.set("rabbitmq", .notReady("\(error)")) {
                    logger.warning("rabbitmq unavailable, retrying", metadata: ["error": "\(error)"])
                }
            }
            let wait = backoff.next()
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
        }
    }

    private func connect() async throws -> AMQPConsumer {
        try await AMQPConsumer.connect(
            settings.broker, queues: settings.queues, prefetch: settings.prefetch, logger: logger,
            onQueueChange: queues.note)
    }

    private func consumeUntilDrained(_ consumer: AMQPConsumer) async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await gracefulShutdown()
                    await consumer.stopConsuming()
                }
                try await consume(consumer)
                group.cancelAll()
            }
        } catch {
            progress.lost()
            await consumer.close()
            throw error
        }
        await consumer.close()
    }
}
