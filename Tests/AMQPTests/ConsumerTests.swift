import TestSupport
import Testing

@testable import AMQP

@Suite(.enabled(if: TestBroker.url != nil)) struct ConsumerTests {
    @Test func aMessageKeepsItsBytesAndPlainHeaders() async throws {
        try await TestBroker.withQueue { queue in
            let publisher = try await AMQPPublisher.connect(
                TestBroker.configuration(), queue: QueueDeclaration(name: queue), logger: quiet)
            var batch = PublishBatch(queue: queue)
            let trace = Array("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".utf8)
            batch.append(
                id: 42, type: "candle", timestamp: 1_700_000_000, correlationID: Array("cause".utf8).span,
                body: Array("{\"a\":1}".utf8).span
            ) { headers in
                headers.add("x-market-id", Int32(-7))
                headers.add("x-big", Int64(1) << 40)
                headers.add("x-possibly-redelivered", true)
                headers.add("traceparent", trace.span)
            }
            let tags = try await publisher.publish(batch)
            #expect(tags == 1...1)
            #expect(try await publisher.nextOutcomes() == [.confirmed(1...1)])

            let consumer = try await consumer(of: queue)
            let received = try #require(try await consumer.nextBatch(limit: 10, delay: .zero))
            #expect(received.bodies == [Array("{\"a\":1}".utf8)])
            // In order of their names: RabbitMQ 4 hands them out in another one than they came in.
            #expect(
                received.deliveries[0].headers.sorted { $0.name < $1.name } == [
                    Header(name: "traceparent", value: String(decoding: trace, as: UTF8.self)),
                    Header(name: "x-big", value: "1099511627776"),
                    Header(name: "x-market-id", value: "-7"),
                    Header(name: "x-possibly-redelivered", value: "true"),
                ])
            #expect(!received.deliveries[0].redelivered)
            await consumer.close()
            await publisher.close()
        }
    }
}

extension ConsumerTests {
    @Test(arguments: [[0, 10, 0], [1 << 20], [3, 5 << 20, 4]])
    func bodiesOfAllSizesArriveWhole(sizes: [Int]) async throws {
        try await TestBroker.withQueue { queue in
            let sent = sizes.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) } }
            try await fill(queue, with: sent)
            let consumer = try await consumer(of: queue)
            var received: [[UInt8]] = []
            while received.count < sent.count {
                received += try #require(try await consumer.nextBatch(limit: 10, delay: .zero)).bodies
            }
            #expect(received == sent)
            await consumer.close()
        }
    }

    /// A quorum queue counts what returns to it, and drops what did so too often.
    @Test func aWindowThatWidensReturnsNothing() async throws {
        try await TestBroker.withQueue(["x-queue-type": .text("quorum")]) { queue in
            try await fill(queue, with: bodies(2000))
            let consumer = try await AMQPConsumer.connect(
                TestBroker.configuration(), queues: [QueueDeclaration(name: queue)], prefetch: 1000, first: 10,
                logger: quiet)
            var received: [[UInt8]] = []
            while received.count < 2000 {
                let batch = try #require(try await consumer.nextBatch(limit: 100, delay: .zero))
                received += batch.bodies
                #expect(batch.deliveries.count(where: { $0.redelivered }) == 0)
                await consumer.acknowledge(through: batch.deliveries[batch.deliveries.count - 1].tag)
            }
            #expect(received == bodies(2000))
            await consumer.close()
        }
    }

    @Test func aBatchClosesAtItsLimitAndTheNextOneGoesOn() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: bodies(25))
            let consumer = try await consumer(of: queue)
            var sizes: [Int] = []
            var received: [[UInt8]] = []
            while received.count < 25 {
                let limit = received.count < 20 ? 10 : 5
                let batch = try #require(try await consumer.nextBatch(limit: limit, delay: .seconds(20)))
                sizes.append(batch.deliveries.count)
                received += batch.bodies
            }
            #expect(sizes == [10, 10, 5])
            #expect(received == bodies(25))
            await consumer.close()
        }
    }

    @Test func aBatchClosesAfterItsDelay() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: bodies(3))
            let start = ContinuousClock.now  // the messages arrive after it
            let consumer = try await consumer(of: queue)
            let batch = try #require(try await consumer.nextBatch(limit: 10, delay: .milliseconds(200)))
            #expect(batch.bodies == bodies(3))
            #expect(start.duration(to: .now) >= .milliseconds(200))
            await consumer.close()
        }
    }

    @Test func aBatchClosesAtItsBytes() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: Array(repeating: [UInt8](repeating: 65, count: 1000), count: 10))
            let consumer = try await consumer(of: queue)
            let batch = try #require(
                try await consumer.nextBatch(limit: 100, maximumBytes: 2500, delay: .seconds(20)))
            #expect(batch.deliveries.count == 3)
            await consumer.close()
        }
    }

    @Test func theFirstMessageIsAwaited() async throws {
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(of: queue)
            async let batch = consumer.nextBatch(limit: 10, delay: .zero)
            try await TestBroker.shared.publish([1, 2], to: queue)
            #expect(try await batch?.bodies == [[1, 2]])
            await consumer.close()
        }
    }

    @Test func prefetchLimitsWhatIsDeliveredUntilItIsAcknowledged() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: bodies(10))
            let consumer = try await consumer(of: queue, prefetch: 4)
            let first = try #require(try await consumer.nextBatch(limit: 10, delay: .milliseconds(100)))
            #expect(first.bodies == Array(bodies(10)[0..<4]))
            await consumer.acknowledge(through: first.deliveries[3].tag)
            let second = try #require(try await consumer.nextBatch(limit: 4, delay: .seconds(20)))
            #expect(second.bodies == Array(bodies(10)[4..<8]))
            await consumer.close()
        }
    }

    @Test func whatIsNotAcknowledgedIsDeliveredAgain() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: bodies(10))
            let first = try await consumer(of: queue)
            let batch = try #require(try await first.nextBatch(limit: 10, delay: .seconds(20)))
            await first.acknowledge(through: batch.deliveries[6].tag)
            await first.close()

            let second = try await consumer(of: queue)
            let rest = try #require(try await second.nextBatch(limit: 3, delay: .seconds(20)))
            #expect(rest.bodies == Array(bodies(10)[7...]))
            #expect(rest.deliveries.map(\.redelivered) == [true, true, true])
            await second.acknowledge(through: rest.deliveries[2].tag)
            await second.close()
            #expect(try await TestBroker.shared.messageCount(queue) == 0)
        }
    }

    @Test func theBrokerWaitsWhileTheBufferIsFull() async throws {
        try await TestBroker.withQueue { queue in
            let big = Array(repeating: [UInt8](repeating: 65, count: 100_000), count: 300)
            try await fill(queue, with: big)
            let consumer = try await consumer(of: queue, prefetch: 0)
            let first = try #require(
                try await consumer.nextBatch(limit: 50, maximumBytes: 1 << 20, delay: .seconds(20)))
            #expect(first.deliveries.count == 11)
            // Until the broker has pushed what the network takes; here is room for one batch only.
            var (before, ready) = (-1, try await TestBroker.shared.messageCount(queue))
            while before != ready {
                try await Task.sleep(for: .milliseconds(100))
                (before, ready) = (ready ?? 0, try await TestBroker.shared.messageCount(queue))
            }
            var received = first.deliveries.count
            while received < 300 {
                #expect(await consumer.bufferedCount <= 42)
                received += try #require(
                    try await consumer.nextBatch(limit: 50, maximumBytes: 1 << 20, delay: .zero)
                ).deliveries.count
            }
            await consumer.close()
            #expect(try await TestBroker.shared.messageCount(queue) == 300)
        }
    }

    @Test(.timeLimit(.minutes(10))) func aSmallBatchWaitsUntilTheOneBeforeIsAcknowledged() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: Array(bodies(4)[0..<2]))
            let consumer = try await consumer(of: queue)
            let first = try #require(try await consumer.nextBatch(limit: 1, delay: .seconds(20)))
            async let second = consumer.nextBatch(limit: 10, delay: .zero, awaitsAcknowledgement: true)
            try await fill(queue, with: Array(bodies(4)[2..<4]))
            // Never, if it is handed out with one message.
            while await consumer.bufferedCount < 3 { try Task.checkCancellation() }
            await consumer.acknowledge(through: first.deliveries[0].tag)
            #expect(try await second?.bodies == Array(bodies(4)[1..<4]))
            await consumer.close()
        }
    }

    @Test func aFullBatchWaitsForNoAcknowledgement() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: bodies(4))
            let consumer = try await consumer(of: queue)
            for part in [0..<2, 2..<4] {
                let batch = try await consumer.nextBatch(limit: 2, delay: .seconds(20), awaitsAcknowledgement: true)
                #expect(batch?.bodies == Array(bodies(4)[part]))
            }
            await consumer.close()
        }
    }

    @Test func severalQueuesAreToldApart() async throws {
        try await TestBroker.withQueue { one in
            try await TestBroker.withQueue { two in
                try await fill(two, with: [[2]])
                try await fill(one, with: [[1]])
                let consumer = try await AMQPConsumer.connect(
                    TestBroker.configuration(), queues: [QueueDeclaration(name: one), QueueDeclaration(name: two)],
                    prefetch: 10, logger: quiet)
                let batch = try #require(try await consumer.nextBatch(limit: 2, delay: .seconds(20)))
                for delivery in batch.deliveries {
                    #expect(Array(batch.bytes[delivery.body]) == [UInt8(delivery.queue + 1)])
                }
                await consumer.close()
            }
        }
    }

    @Test func stoppingDrainsWhatHasArrived() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: bodies(30))
            let consumer = try await consumer(of: queue)
            let first = try #require(try await consumer.nextBatch(limit: 5, delay: .seconds(20)))
            await consumer.stopConsuming()
            var count = first.deliveries.count
            while let batch = try await consumer.nextBatch(limit: 10, delay: .seconds(20)) {
                count += batch.deliveries.count
                await consumer.acknowledge(through: batch.deliveries.last?.tag ?? 0)
            }
            #expect(try await consumer.nextBatch(limit: 10, delay: .zero)?.deliveries.count == nil)
            await consumer.close()
            #expect(try await TestBroker.shared.messageCount(queue) == 30 - count)
        }
    }

    @Test func stoppingEndsAWait() async throws {
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(of: queue)
            async let batch = consumer.nextBatch(limit: 10, delay: .zero)
            await consumer.stopConsuming()
            #expect(try await batch?.deliveries.count == nil)
            await consumer.close()
        }
    }

    @Test func aCancelledWaitLosesNothing() async throws {
        try await TestBroker.withQueue { queue in
            try await fill(queue, with: bodies(3))
            let consumer = try await consumer(of: queue)
            let task = Task { try await consumer.nextBatch(limit: 10, delay: .seconds(60)) }
            task.cancel()
            let error = await failure { try await task.value }
            #expect(error?.kind == .cancelled)
            let batch = try #require(try await consumer.nextBatch(limit: 3, delay: .seconds(20)))
            #expect(batch.bodies == bodies(3))
            await consumer.close()
        }
    }

    @Test func aDeletedQueueCancelsTheConsumer() async throws {
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(of: queue)
            async let batch = failure { try await consumer.nextBatch(limit: 10, delay: .zero) }
            try await TestBroker.shared.delete(queue)
            #expect(await batch?.kind == .consumerCancelled(queue: queue))
            await consumer.acknowledge(through: 1)
            #expect(await failure { try await consumer.nextBatch(limit: 1, delay: .zero) } != nil)
        }
    }

    @Test func everythingThrowsAfterClose() async throws {
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(of: queue)
            async let waiting = failure { try await consumer.nextBatch(limit: 1, delay: .zero) }
            await consumer.close()
            await consumer.close()
            #expect(await waiting?.kind == .closed)
            #expect(await failure { try await consumer.nextBatch(limit: 1, delay: .zero) } != nil)
        }
    }
}
