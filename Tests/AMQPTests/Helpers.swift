import AMQP
import Logging
import TestSupport
import Testing

let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

/// A batch of messages with the IDs 1, 2, … and these bodies.
func batch(_ bodies: [[UInt8]], to queue: String, firstID: Int64 = 1) -> PublishBatch {
    var batch = PublishBatch(queue: queue, messages: bodies.count)
    for (index, body) in bodies.enumerated() {
        batch.append(id: firstID + Int64(index), type: "test", timestamp: 1_700_000_000, body: body.span)
    }
    return batch
}

/// Small bodies, each different.
func bodies(_ count: Int) -> [[UInt8]] {
    (0..<count).map { Array("message \($0)".utf8) }
}

/// Publishes and waits until everything is confirmed.
nonisolated(nonsending) func fill(_ queue: String, with bodies: [[UInt8]]) async throws {
    let publisher = try await AMQPPublisher.connect(
        TestBroker.configuration(), queue: QueueDeclaration(name: queue), logger: quiet)
    let tags = try await publisher.publish(batch(bodies, to: queue))
    let outcomes = try await allOutcomes(of: publisher, until: tags.upperBound)
    #expect(outcomes.flatMap(\.confirmedTags).count == bodies.count)
    await publisher.close()
}

/// Collects outcomes until as many messages are settled.
nonisolated(nonsending) func allOutcomes(of publisher: AMQPPublisher, until count: UInt64) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    var settled: UInt64 = 0
    while settled < count {
        for outcome in try await publisher.nextOutcomes() {
            outcomes.append(outcome)
            settled += outcome.count
        }
    }
    return outcomes
}

nonisolated(nonsending) func consumer(
    of queue: String, prefetch: UInt16 = 1000, configuration: AMQPConfiguration? = nil
) async throws -> AMQPConsumer {
    try await AMQPConsumer.connect(
        configuration ?? TestBroker.configuration(), queues: [QueueDeclaration(name: queue)], prefetch: prefetch,
        logger: quiet)
}

extension Outcome {
    var count: UInt64 {
        switch self {
        case .confirmed(let range), .refused(let range): UInt64(range.count)
        case .returned: 1
        }
    }

    var confirmedTags: [UInt64] {
        if case .confirmed(let range) = self { Array(range) } else { [] }
    }

    var refusedTags: [UInt64] {
        if case .refused(let range) = self { Array(range) } else { [] }
    }
}

extension DeliveryBatch {
    func body(_ index: Int) -> [UInt8] { Array(bytes[deliveries[index].body]) }
    var bodies: [[UInt8]] { deliveries.indices.map(body) }
}

/// The error of a call that must fail; nil when it does not.
nonisolated(nonsending) func failure<Value>(
    of call: nonisolated(nonsending) () async throws -> Value
) async -> AMQPError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? AMQPError
    }
}
