import AMQP
import Candlepost
import Glibc
import Records

/// Takes the messages of a queue, a dead-letter queue most likely, back into the queues that they belong to. Each is
/// acknowledged only when the broker has confirmed it there: an interruption repeats some, and loses none.
///
/// A message whose queue can't be told goes to the end of its own queue, so that it stays.
actor QueueFeed {
    /// What became of the messages.
    struct Outcome: Sendable {
        /// By queue.
        var moved: [String: Int] = [:]
        /// How many stay where they were.
        var left = 0

        var count: Int { left + moved.values.reduce(0, +) }
    }

    /// How long the queue may be silent before it counts as empty, though fewer came than it held.
    private static let patience = Duration.seconds(5)
    /// What brokers add to a message that they drop or return.
    private static let brokersOwn = ["x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count"]

    private let broker: AMQPConfiguration
    private let source: String
    private let queueType: QueueDeclaration.QueueType
    private let rate: Double?
    private let count: Int
    private var publishers: [String: (publisher: AMQPPublisher, confirmed: ConfirmedPrefix)] = [:]
    private var progress: FeedProgress
    private(set) var outcome = Outcome()

    /// - Parameter count: how many messages to take at most: those that were there when it began.
    init(
        _ broker: AMQPConfiguration, from source: String, count: Int, queueType: QueueDeclaration.QueueType,
        rate: Double?
    ) {
        self.broker = broker
        self.source = source
        self.count = count
        self.queueType = queueType
        self.rate = rate
        progress = FeedProgress(total: count)
    }

    func run() async throws {
        let consumer = try await AMQPConsumer.connect(
            broker, queues: [QueueDeclaration(name: source, type: queueType)], prefetch: 500,
            logger: Program.quietLogger)
        do {
            while outcome.count < count, let batch = try await next(consumer, atMost: min(500, count - outcome.count)) {
                try await move(batch)
                await consumer.acknowledge(through: batch.deliveries[batch.deliveries.count - 1].tag)
                progress.read(bytes: batch.deliveries.count)
                progress.confirmed(batch.deliveries.count)
                if let rate { try await Task.sleep(until: progress.due(rate), clock: .continuous) }
            }
        } catch {
            await close(consumer)
            throw error
        }
        progress.finish()
        await close(consumer)
    }

    private func close(_ consumer: AMQPConsumer) async {
        await consumer.close()
        for (publisher, _) in publishers.values { await publisher.close() }
    }

    /// Nil when the queue is empty.
    private func next(_ consumer: AMQPConsumer, atMost limit: Int) async throws -> DeliveryBatch? {
        try await withThrowingTaskGroup(of: DeliveryBatch?.self) { group in
            group.addTask {
                do { return try await consumer.nextBatch(limit: limit, delay: .zero) } catch let error as AMQPError
                    where error.kind == .cancelled
                { return nil }
            }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            let batch = try await group.next() ?? nil
            group.cancelAll()
            return batch
        }
    }

    /// Publishes a batch and waits until all of it is confirmed.
    private func move(_ batch: DeliveryBatch) async throws {
        var batches: [String: PublishBatch] = [:]
        for (index, delivery) in batch.deliveries.enumerated() {
            let body = batch.bytes.span.extracting(delivery.body)
            let kind = Self.isObject(body) ? RecordKind.ofMessage(body) : nil
            let target = Self.target(delivery, kind) ?? source
            batches[target, default: PublishBatch(queue: target, appID: "candlepost feed")].append(
                id: Int64(outcome.count + index + 1), type: kind?.name ?? "", timestamp: Int64(time(nil)), body: body
            ) { headers in
                for header in delivery.headers where target == source || !Self.isBrokersOwn(header) {
                    headers.add(header.name, text: header.value)
                }
            }
        }
        for (queue, batch) in batches {
            let count = batch.count
            try await publish(batch, to: queue)
            if queue == source { outcome.left += count } else { outcome.moved[queue, default: 0] += count }
        }
    }

    /// Where RabbitMQ says that it came from, if that is a queue of the writer's; else the queue of its kind.
    static func target(_ delivery: Delivery, _ kind: RecordKind?) -> String? {
        let first = delivery.headers.first { $0.name == "x-first-death-queue" }?.value
        return RecordKind.all.first { $0.queue == first }?.queue ?? kind?.queue
    }

    /// Whether it can be a record at all: one without a type counts as a candle.
    private static func isObject(_ body: Span<UInt8>) -> Bool {
        let first = body.indices.first { !" \t\r\n".utf8.contains(body[$0]) }
        return first.map { body[$0] == UInt8(ascii: "{") } ?? false
    }

    private static func isBrokersOwn(_ header: Header) -> Bool {
        brokersOwn.contains { header.name.hasPrefix($0) }
    }

    private func publish(_ batch: consuming PublishBatch, to queue: String) async throws {
        if publishers[queue] == nil {
            let publisher = try await AMQPPublisher.connect(
                broker, queue: QueueDeclaration(name: queue, type: queueType), logger: Program.quietLogger)
            publishers[queue] = (publisher, ConfirmedPrefix())
        }
        guard let publisher = publishers[queue]?.publisher else { return }
        let last = try await publisher.publish(batch).upperBound
        while let confirmed = publishers[queue]?.confirmed, confirmed.upTo < last {
            for outcome in try await publisher.nextOutcomes() {
                switch outcome {
                case .confirmed(let tags): publishers[queue]?.confirmed.add(tags)
                case .refused: throw Feed.NotTaken(description: "\(queue) refuses messages: is it full?")
                case .returned(_, let code, let text):
                    throw Feed.NotTaken(description: "\(queue) is gone: \(code) \(text)")
                }
            }
        }
    }
}
