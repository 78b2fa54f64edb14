import Synchronization
import TestSupport
import Testing

@testable import AMQP

/// What goes wrong with one queue stops nothing but that queue.
@Suite("A queue alone", .enabled(if: TestBroker.url != nil), .timeLimit(.minutes(2))) struct QueueAloneTests {
    /// What a consumer told of its queues: the reason, nil where one flows.
    private final class Changes: Sendable {
        private let list = Mutex<[QueueChange]>([])
        func note(_ change: QueueChange) { list.withLock { $0.append(change) } }
        var last: [String: AMQPError?] {
            list.withLock { Dictionary($0.map { ($0.name, $0.failure) }, uniquingKeysWith: { $1 }) }
        }
        /// Waits until the last word on a queue is as wanted.
        nonisolated(nonsending) func wait(for queue: String, fails: Bool) async throws {
            while last[queue].map({ ($0 != nil) == fails }) != true { try await Task.sleep(for: .milliseconds(10)) }
        }
    }

    private nonisolated(nonsending) func consumer(of queues: [String], _ changes: Changes) async throws -> AMQPConsumer
    {
        try await AMQPConsumer.connect(
            TestBroker.configuration(), queues: queues.map { QueueDeclaration(name: $0) }, prefetch: 10, logger: quiet,
            onQueueChange: changes.note)
    }

    @Test func aQueueThatCannotBeDeclaredLeavesTheOthers() async throws {
        try await TestBroker.withQueue { good in
            let changes = Changes()
            let consumer = try await consumer(of: ["amq.reserved", good], changes)
            #expect(changes.last["amq.reserved"]??.kind == .channelClosed(403))
            try await TestBroker.shared.publish([7], to: good)
            let batch = try #require(try await consumer.nextBatch(limit: 1, delay: .zero))
            #expect(batch.bodies == [[7]] && batch.deliveries[0].queue == 1)
            await consumer.acknowledge(through: batch.deliveries[0].tag)
            await consumer.close()
            #expect(try await TestBroker.shared.messageCount(good) == 0)
        }
    }

    @Test func withoutAnyQueueThereIsNoConnection() async throws {
        let error = await failure { try await self.consumer(of: ["amq.one", "amq.two"], Changes()) }
        #expect(error?.kind == .channelClosed(403) && error?.recovery == .fix)
        #expect(error?.message.contains("amq.") == true)
    }

    @Test func aQueueThatIsDeletedComesBackAndTheOthersGoOn() async throws {
        try await TestBroker.withQueue { stays in
            try await TestBroker.withQueue { goes in
                let changes = Changes()
                let consumer = try await consumer(of: [goes, stays], changes)
                try await changes.wait(for: goes, fails: false)
                try await fill(stays, with: [[1]])
                let first = try #require(try await consumer.nextBatch(limit: 1, delay: .zero))
                try await TestBroker.shared.delete(goes)
                try await changes.wait(for: goes, fails: true)
                #expect(changes.last[goes]??.kind == .consumerCancelled(queue: goes))
                await consumer.acknowledge(through: first.deliveries[0].tag)
                try await changes.wait(for: goes, fails: false)
                try await fill(goes, with: [[2]])
                let second = try #require(try await consumer.nextBatch(limit: 1, delay: .zero))
                #expect(second.bodies == [[2]] && second.deliveries[0].queue == 0)
                await consumer.acknowledge(through: second.deliveries[0].tag)
                await consumer.close()
                #expect(try await TestBroker.shared.messageCount(stays) == 0)
                #expect(try await TestBroker.shared.messageCount(goes) == 0)
            }
        }
    }

    @Test func aMessageThatIsTooLongStopsItsQueueAlone() async throws {
        try await TestBroker.withQueue { long in
            try await TestBroker.withQueue { good in
                try await fill(long, with: [[UInt8](repeating: 1, count: 300_000)])
                try await fill(good, with: [[1], [2]])
                let changes = Changes()
                var configuration = try TestBroker.configuration()
                configuration.maximumBodyBytes = 299_999
                let consumer = try await AMQPConsumer.connect(
                    configuration, queues: [QueueDeclaration(name: long), QueueDeclaration(name: good)], prefetch: 10,
                    logger: quiet, onQueueChange: changes.note)
                let batch = try #require(try await consumer.nextBatch(limit: 2, delay: .seconds(20)))
                #expect(batch.bodies == [[1], [2]])
                try await changes.wait(for: long, fails: true)
                #expect(changes.last[long]??.kind == .messageTooLong(queue: long))
                await consumer.acknowledge(through: batch.deliveries[1].tag)
                await consumer.close()
                #expect(try await TestBroker.shared.messageCount(long) == 1)
                #expect(try await TestBroker.shared.messageCount(good) == 0)
            }
        }
    }

    /// What `check` says is what running would meet.
    @Test func lookingSaysWhatRunningWouldMeet() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: bodies(2))
            let names = [queue, "amq.reserved", TestBroker.uniqueName()]
            for purpose in [AMQPInspector.Purpose.consuming, .publishing] {
                let found = try await AMQPInspector.look(
                    TestBroker.configuration(), queues: names.map { QueueDeclaration(name: $0) }, for: purpose)
                #expect(found.queues.map(\.refusal?.kind) == [nil, .channelClosed(403), nil])
                #expect(found.queues.map(\.exists) == [true, false, false])
            }
            #expect(try await TestBroker.shared.messageCount(queue) == 2)
            #expect(try await TestBroker.shared.messageCount(names[2]) == nil)
            let consumer = try await AMQPTests.consumer(of: queue)
            let batch = try #require(try await consumer.nextBatch(limit: 2, delay: .seconds(20)))
            #expect(batch.deliveries.map(\.redelivered) == [false, false])
            await consumer.close()
        }
    }
}
