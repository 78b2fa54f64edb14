import TestSupport
import Testing

@testable import AMQP

@Suite("What a queue was declared with") struct QueueArgumentTests {
    @Test func theBrokersComplaintIsRead() {
        let complaint = """
            declaring the queue q: 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'it''s' in vhost \
            '/': received none but current is the value '5' of type 'long'
            """
        #expect(QueueArgument(complaint: complaint) == QueueArgument(name: "x-max-length", value: .number(5)))
        #expect(QueueArgument(complaint: "404 NOT_FOUND - no queue 'q' in vhost '/'") == nil)
    }

    @Test(arguments: [
        ([], 0),
        ([QueueArgument(name: "x-queue-type", value: .text("quorum"))], 0),
        ([QueueArgument(name: "x-max-length", value: .number(5))], 1),
        (
            [
                QueueArgument(name: "x-max-length", value: .number(5)),
                QueueArgument(name: "x-overflow", value: .text("drop-head")),
            ], 1
        ),
        (
            [
                QueueArgument(name: "x-max-length", value: .number(5)),
                QueueArgument(name: "x-overflow", value: .text("reject-publish")),
            ], 0
        ),
        (
            [
                QueueArgument(name: "x-max-length-bytes", value: .number(5)),
                QueueArgument(name: "x-message-ttl", value: .number(1)),
            ], 2
        ),
        ([QueueArgument(name: "x-expires", value: .number(1))], 1),
    ])
    func lossesAreNamed(arguments: [QueueArgument], count: Int) {
        #expect(QueueArgument.losses(arguments).count == count)
    }
}

@Suite("Looking at queues", .enabled(if: TestBroker.url != nil)) struct InspectorTests {
    /// Without the type that RabbitMQ 4 gives a queue that was declared with none.
    private static func said(_ queue: AMQPInspector.QueueState) -> [QueueArgument] {
        queue.arguments.filter { $0 != QueueArgument(name: "x-queue-type", value: .text("classic")) }
    }

    @Test func argumentsAreFoundAndNothingIsChanged() async throws {
        let arguments: [QueueArgument] = [
            QueueArgument(name: "x-max-length", value: .number(7)),
            QueueArgument(name: "x-message-ttl", value: .number(60_000)),
            QueueArgument(name: "x-overflow", value: .text("drop-head")),
        ]
        try await TestBroker.withQueue([
            "x-max-length": .number(7), "x-message-ttl": .number(60_000), "x-overflow": .text("drop-head"),
        ]) { queue in
            for _ in 0..<2 {
                let found = try await AMQPInspector.look(
                    TestBroker.configuration(), queues: [QueueDeclaration(name: queue)], for: .consuming
                ).queues[0]
                #expect(found.exists)
                #expect(Self.said(found).sorted { $0.name < $1.name } == arguments)
            }
        }
        try await TestBroker.withQueue { queue in
            let found = try await AMQPInspector.look(
                TestBroker.configuration(), queues: [QueueDeclaration(name: queue)], for: .consuming
            ).queues[0]
            #expect(found.exists && Self.said(found) == [])
        }
        let missing = try await AMQPInspector.look(
            TestBroker.configuration(), queues: [QueueDeclaration(name: "there-is-none")], for: .consuming
        ).queues[0]
        #expect(!missing.exists && missing.arguments == [])
    }
}
