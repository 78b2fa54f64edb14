import AMQP
import TestSupport
import Testing

@Suite(.enabled(if: TestBroker.url != nil)) struct PublisherTests {
    private nonisolated(nonsending) func publisher(to queue: String) async throws -> AMQPPublisher {
        try await AMQPPublisher.connect(
            TestBroker.configuration(), queue: QueueDeclaration(name: queue, type: .classic), logger: quiet)
    }

    @Test func manyMessagesAreConfirmedAndArriveInOrder() async throws {
        try await TestBroker.withQueue { queue in
            let publisher = try await publisher(to: queue)
            var last: UInt64 = 0
            for start in stride(from: 0, to: 5000, by: 1000) {
                let tags = try await publisher.publish(batch(bodies(1000), to: queue, firstID: Int64(start)))
                #expect(tags == UInt64(start + 1)...UInt64(start + 1000))
                last = tags.upperBound
            }
            let outcomes = try await allOutcomes(of: publisher, until: last)
            #expect(outcomes.flatMap(\.confirmedTags).sorted() == Array(1...5000))
            #expect(await publisher.unconfirmedCount == 0)
            #expect(await publisher.unsentBytes == 0)
            await publisher.close()

            let consumer = try await consumer(of: queue, prefetch: 0)
            var received: [[UInt8]] = []
            while received.count < 5000 {
                received += try #require(try await consumer.nextBatch(limit: 700, delay: .zero)).bodies
            }
            #expect(received == Array(repeating: bodies(1000), count: 5).flatMap(\.self))
            await consumer.close()
        }
    }

    @Test func aMessageForADeletedQueueIsReturned() async throws {
        try await TestBroker.withQueue { queue in
            try await TestBroker.withQueue { other in
                let publisher = try await publisher(to: queue)
                try await TestBroker.shared.delete(queue)
                _ = try await publisher.publish(batch([[1]], to: other, firstID: 1))
                _ = try await publisher.publish(batch([[2], [3]], to: queue, firstID: 2))
                _ = try await publisher.publish(batch([[4]], to: other, firstID: 4))
                let outcomes = try await allOutcomes(of: publisher, until: 4)
                #expect(outcomes.flatMap(\.confirmedTags).sorted() == [1, 4])
                #expect(outcomes.contains(.returned(tag: 2, code: 312, text: "NO_ROUTE")))
                #expect(outcomes.contains(.returned(tag: 3, code: 312, text: "NO_ROUTE")))

                try await publisher.ensureQueue()
                _ = try await publisher.publish(batch([[2]], to: queue, firstID: 2))
                #expect(try await publisher.nextOutcomes() == [.confirmed(5...5)])
                await publisher.close()
            }
        }
    }

    @Test func aFullQueueRefuses() async throws {
        let arguments: [String: TestBroker.Argument] = [
            "x-max-length": .number(3), "x-overflow": .text("reject-publish"),
        ]
        try await TestBroker.withQueue(arguments) { queue in
            let publisher = try await publisher(to: queue)
            for id in Int64(1)...6 { _ = try await publisher.publish(batch([[1]], to: queue, firstID: id)) }
            let outcomes = try await allOutcomes(of: publisher, until: 6)
            let refused = outcomes.flatMap(\.refusedTags)
            #expect(!refused.isEmpty && refused.contains(6))
            let stored = try #require(try await TestBroker.shared.messageCount(queue))
            #expect(stored + refused.count == 6)
            await publisher.close()
        }
    }

    @Test func aMissingQueueIsCreatedAndAnExistingOneTakenAsItIs() async throws {
        let name = TestBroker.uniqueName()
        let created = try await AMQPPublisher.connect(
            TestBroker.configuration(), queue: QueueDeclaration(name: name, type: .quorum), logger: quiet)
        let error = await #expect(throws: TestBroker.Failure.self) { try await TestBroker.shared.declare(name) }
        #expect(error != nil, "a quorum queue can't be declared as a classic one")
        let taken = try await publisher(to: name)
        await created.close()
        await taken.close()
        try await TestBroker.shared.delete(name)
    }

    @Test func aWrongQueueNameIsRefusedAtOnce() async throws {
        for name in ["", String(repeating: "x", count: 256)] {
            let error = await failure { try await publisher(to: name) }
            #expect(error?.kind == .wrongQueueName)
        }
    }

    @Test func aReservedNameIsRefusedWithTheBrokersCode() async throws {
        let error = await failure { try await publisher(to: "amq.not-there") }
        #expect(error?.kind == .channelClosed(403))
        #expect(error?.recovery == .fix)
    }

    @Test func aCancelledWaitLosesNoOutcome() async throws {
        try await TestBroker.withQueue { queue in
            let publisher = try await publisher(to: queue)
            let task = Task { try await publisher.nextOutcomes() }
            task.cancel()
            let error = await failure { try await task.value }
            #expect(error?.kind == .cancelled)
            _ = try await publisher.publish(batch([[1]], to: queue))
            #expect(try await publisher.nextOutcomes() == [.confirmed(1...1)])
            await publisher.close()
        }
    }

    @Test func everythingThrowsAfterClose() async throws {
        try await TestBroker.withQueue { queue in
            let publisher = try await publisher(to: queue)
            async let waiting = failure { try await publisher.nextOutcomes() }
            await publisher.close()
            #expect(await waiting?.kind == .closed)
            #expect(await failure { try await publisher.nextOutcomes() } != nil)
            #expect(await failure { try await publisher.publish(batch([[1]], to: queue)) } != nil)
            #expect(await failure { try await publisher.ensureQueue() } != nil)
            var changes = publisher.blockedChanges.makeAsyncIterator()
            #expect(await changes.next() == nil)
        }
    }
}
