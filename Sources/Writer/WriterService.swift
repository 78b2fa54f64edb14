import AMQP
import Logging
import Records
import Service
import ServiceLifecycle

/// Start reading here: the whole path of a message through the writer is ``consume(_:)``.
///
///     receive ─► decode, validate ─► one transaction ─► acknowledge ─► ring the relay's doorbell
struct WriterService: ServiceLifecycle.Service {
    let settings: WriterSettings
    let store: RecordStore
    let signals: WriterSignals
    let readiness: Readiness
    let metrics: WriterMetrics
    let progress: WriterProgress
    let logger: Logger

    /// Consumes until the program is to stop; then takes nothing new, stores and acknowledges what has arrived, and returns.
    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signals.run { try? await store.ensureConnected() } }
            group.addTask { await progress.watch() }
            await consumeUntilShutdown()
            group.cancelAll()
        }
        await store.close()
    }

    /// Messages of several batches are never in the database at once, so they commit in the order in which they arrived.
    /// While one batch commits the next one is collected, and decoded as soon as it is full: so batches are small when
    /// little comes, and large under load.
    private func consume(_ consumer: AMQPConsumer) async throws {
        try await withThrowingTaskGroup(of: Void.self) { storing in
            do {
                while let batch = try await consumer.nextBatch(
                    limit: settings.batchSize, maximumBytes: settings.batchBytes, delay: settings.batchDelay,
                    awaitsAcknowledgement: true)
                {
                    progress.took()
                    let prepared = decode(batch)
                    try await storing.next()
                    storing.addTask { try await store(prepared, from: batch, of: consumer) }
                }
            } catch let error as AMQPError where error.kind == .closed {
                try await storing.waitForAll()  // it was closed because a batch could not be stored
                throw error
            }
            try await storing.waitForAll()
        }
    }

    private func store(_ prepared: PreparedBatch, from batch: DeliveryBatch, of consumer: AMQPConsumer) async throws {
        let result: StoreResult
        do { result = try await store.store(prepared, from: batch) } catch {
            await consumer.close()  // or the next batch would wait for ever for this one's acknowledgement
            throw error
        }
        progress.stored()
        await consumer.acknowledge(through: batch.deliveries[batch.deliveries.count - 1].tag)
        Failpoint.reach("writer.after_ack")
        if result.storedCount > 0 { signals.ringDoorbell() }
        metrics.record(result)
    }

    private func decode(_ batch: DeliveryBatch) -> PreparedBatch {
        Failpoint.reach("writer.received")
        var prepared = PreparedBatch(capacity: batch.deliveries.count)
        let bytes = batch.bytes.span
        for (message, delivery) in batch.deliveries.enumerated() {
            prepared.add(
                message: message, body: delivery.body, of: bytes, kind: settings.kinds[delivery.queue],
                maximumBytes: settings.maximumMessageBytes)
        }
        metrics.received(batch, kinds: settings.kinds)
        return prepared
    }

    // MARK: connecting

    private func consumeUntilShutdown() async {
        var backoff = Backoff()
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            do {
                try await store.ensureConnected()
                let consumer = try await AMQPConsumer.connect(
                    settings.broker, queues: settings.queues, prefetch: settings.prefetch, logger: logger)
                if readiness.set("rabbitmq", .ready) { logger.info("rabbitmq connected") }
                backoff.reset()
                try await withTaskExecutorPreference(consumer.taskExecutor) { try await consumeUntilDrained(consumer) }
                return
            } catch is CancellationError {
                return
            } catch {
                if readiness.set("rabbitmq", .notReady("\(error)")) {
                    logger.warning("rabbitmq unavailable, retrying", metadata: ["error": "\(error)"])
                }
            }
            let wait = backoff.next()
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
        }
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
