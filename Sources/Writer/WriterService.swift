import AMQP
import Candlepost
import EventLoop
import ProgramRuntime
import Records
import ServiceLifecycle
import Storing

/// Start reading here: the whole path of a message through the writer is ``consume(_:)``.
///
///     receive ─► decode, validate ─► one transaction ─► acknowledge ─► ring the relay's doorbell
struct WriterService: ServiceLifecycle.Service {
    let settings: WriterSettings
    let store: RecordStore
    let limits: QueueLimits
    let upkeep: WriterUpkeep
    let watch: DatabaseWatch
    let leftOut: LeftOutQueues
    let report: WriterReport

    private var progress: WriterProgress { report.progress }

    /// Consumes until the program is to stop; then takes nothing new, stores and acknowledges what has arrived, and returns.
    func run() async throws {
        let connections = try? PollThread.shared()
        await withTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: connections) {
                await upkeep.run { try? await store.ensureConnected() }
            }
            group.addTask { await report.run() }  // beside them: their thread may be stuck
            group.addTask(executorPreference: connections) { await watch.run() }
            await consumeUntilShutdown()
            group.cancelAll()
        }
        await store.close()
    }

    /// Messages of several batches are never in the database at once, so they commit in the order in which they arrived.
    /// While one batch commits the next one is collected, and decoded as soon as it is full: so batches are small when
    /// little comes, and large under load.
    private func consume(_ consumer: AMQPConsumer, _ kinds: [Int]) async throws {
        var batch = try await receive(consumer, kinds)
        while let current = batch {
            async let next = receive(consumer, kinds)
            try await store(current, of: consumer)
            batch = try await next
        }
    }

    /// A batch and the tag that acknowledges all of it.
    private typealias Received = (batch: PreparedBatch, lastTag: UInt64)

    private func receive(_ consumer: AMQPConsumer, _ kinds: [Int]) async throws -> Received? {
        let deliveries = try await consumer.nextBatch(
            limit: settings.batchSize, maximumBytes: settings.batchBytes, delay: settings.batchDelay,
            awaitsAcknowledgement: true)
        guard let deliveries, let last = deliveries.deliveries.last else { return nil }
        progress.took()
        Failpoint.reach("writer.received")
        report.received(deliveries, kinds: kinds)
        return (decode(deliveries, kinds), last.tag)
    }

    private func decode(_ deliveries: DeliveryBatch, _ kinds: [Int]) -> PreparedBatch {
        var batch = PreparedBatch(
            bytes: deliveries.bytes, firstArrival: deliveries.firstArrival, capacity: deliveries.deliveries.count)
        for delivery in deliveries.deliveries {
            batch.add(
                body: delivery.body, kind: kinds[delivery.queue],
                headers: delivery.headers.map { ($0.name, $0.value) }, maximumBytes: settings.maximumMessageBytes)
        }
        return batch
    }

    private func store(_ received: Received, of consumer: AMQPConsumer) async throws {
        let result = try await store.store(received.batch)
        progress.stored()
        await consumer.acknowledge(through: received.lastTag)
        Failpoint.reach("writer.after_ack")
        if result.announcedCount > 0 { upkeep.ringDoorbell() }
        report.stored(result)
    }

    // MARK: connecting

    /// A session is a connection to the broker, and what was taken by it. What a lost session held comes back, and some queues
    /// drop what comes back too often: so none begins before the tables take writes, and the pause before the next grows until
    /// something is committed.
    private func consumeUntilShutdown() async {
        var backoff = Backoff()
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            let committed = progress.committed
            do {
                try await store.awaitWrites { settings.kinds }
                try await runSession()
                continue
            } catch is CancellationError {
                return
            } catch let error as HeldTooLong {
                report.givesBack(after: error.limit)
            } catch {
                guard !Task.isShuttingDownGracefully else { return }
                if await leftOut.look(after: error) { continue }
                report.brokerUnavailable(error)
            }
            if progress.committed > committed { backoff.reset() }
            let wait = backoff.next()
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
        }
    }

    /// How many messages of a queue a session takes before its first commit.
    private static let firstPrefetch: UInt16 = 10

    private func runSession() async throws {
        let known = settings.kinds
        report.queues.declare(settings.queues(of: known))
        let (consumer, kinds) = try await cancelWhenGracefulShutdown {
            let kinds = await limits.admitted(leftOut.others(known))
            try Task.checkCancellation()
            let consumer = try await AMQPConsumer.connect(
                settings.broker, queues: settings.queues(of: kinds), prefetch: settings.prefetch,
                first: Self.firstPrefetch, logger: report.logger, onQueueChange: report.queues.note)
            return (consumer, kinds)
        }
        report.brokerConnected()
        try await withTaskExecutorPreference(consumer.taskExecutor) {
            try await consumeUntilDrained(consumer, kinds, known: known.count)
        }
    }

    /// - Parameter known: how many kinds there were to be consumed.
    private func consumeUntilDrained(_ consumer: AMQPConsumer, _ kinds: [Int], known: Int) async throws {
        do {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await gracefulShutdown()
                    await consumer.stopConsuming()
                    return false
                }
                group.addTask {
                    // Another session takes it in, after this one has ended in good order.
                    try await leftOut.awaitReturn()
                    await consumer.stopConsuming()
                    return false
                }
                group.addTask {
                    // A kind was applied: the next session consumes its queue, too.
                    while settings.kinds.count == known { try await PollThread.sleep(for: .seconds(1)) }
                    await consumer.stopConsuming()
                    return false
                }
                group.addTask {
                    try await progress.awaitStandstill(of: settings.holdFor)
                    throw HeldTooLong(limit: settings.holdFor)
                }
                group.addTask {
                    try await consume(consumer, kinds)
                    return true
                }
                while let isDrained = try await group.next(), !isDrained {}
                group.cancelAll()
            }
        } catch {
            progress.lost()
            await consumer.close()
            throw error
        }
        await consumer.close()
    }

    /// What was taken can't be stored for so long that others may have it: long before the broker would take it back by itself,
    /// after half an hour, and with it the channel.
    private struct HeldTooLong: Error {
        let limit: Duration
    }
}
