import AMQP
import TestSupport
import Testing

/// A task that awaits may find that others had their turn before its wait began: what it waits for may be over by then.
@Suite(
    "A connection that ends between a call and its wait", .enabled(if: TestBroker.url != nil), .timeLimit(.minutes(1)))
struct TurnTests {
    @Test(arguments: 0..<5) func tellsWhoWaitsForOutcomes(turns: Int) async throws {
        try await TestBroker.withQueue { queue in
            let publisher = try await AMQPPublisher.connect(
                TestBroker.configuration(), queue: QueueDeclaration(name: queue), logger: quiet)
            #expect(await failure { try await publisher.waitWhileItIsClosed(after: turns) }?.kind == .closed)
        }
    }

    @Test(arguments: 0..<5) func tellsWhoWaitsForMessages(turns: Int) async throws {
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(of: queue)
            #expect(await failure { try await consumer.waitWhileItIsClosed(after: turns) }?.kind == .closed)
        }
    }

    @Test func theSecondOfTwoThatWaitIsRefused() async throws {
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(of: queue)
            #expect(await consumer.waitTwice().map(\.kind) == [.closed, .alreadyWaiting])
        }
    }
}

extension AMQPPublisher {
    /// Both tasks are enqueued before either begins.
    fileprivate func waitWhileItIsClosed(after turns: Int) async throws {
        let waiting = Task { try await self.nextOutcomes() }
        Task {
            for _ in 0..<turns { await Task.yield() }
            await self.close()
        }
        _ = try await waiting.value
    }
}

extension AMQPConsumer {
    /// Both tasks are enqueued before either begins.
    fileprivate func waitWhileItIsClosed(after turns: Int) async throws {
        let waiting = Task { try await self.nextBatch(limit: 1, delay: .zero) }
        Task {
            for _ in 0..<turns { await Task.yield() }
            await self.close()
        }
        _ = try await waiting.value
    }

    fileprivate func waitTwice() async -> [AMQPError] {
        let tasks = (0..<2).map { _ in Task { try await self.nextBatch(limit: 1, delay: .zero) } }
        let second = await failure { try await tasks[1].value }
        await close()
        return [await failure { try await tasks[0].value }, second].compactMap(\.self)
    }
}
