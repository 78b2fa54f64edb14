import AMQP
import Logging
import Postgres
import Records
import TestSupport
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

/// What can't be a record is kept to the last byte, whatever it is.
@Suite(.timeLimit(.minutes(10))) struct KeptTests {
    @Test func theWholeCorpusIsKeptWithItsReasons() async throws {
        try await QuarantineWorld.with { world in
            var small = DeliveryBatch()
            for message in BadMessage.small { small.add(message.body, message.kind) }
            small.add(emptyCandle(market: 1))
            let result = try await world.store(small)
            #expect(result.quarantinedCount == BadMessage.small.count && result.storedCount == 1)
            for message in BadMessage.large {
                var alone = DeliveryBatch()
                alone.add(message.body, message.kind)
                #expect(try await world.store(alone).quarantined == [message.reason: 1], "\(message.name)")
            }

            let rows = try await world.connection.execute(
                "SELECT queue, reason, body, length(detail) < 300 FROM quarantine ORDER BY id")
            try #require(rows.count == BadMessage.all.count)
            for (row, message) in BadMessage.all.enumerated() {
                #expect(rows.text(row, 0) == message.kind.queue)
                #expect(rows.text(row, 1) == message.reason.rawValue, "\(message.name)")
                #expect(rows.has(message.body, row, 2), "\(message.name)")
                #expect(rows.bool(row, 3), "\(message.name)")
            }
            #expect(try await world.booksBalance())
        }
    }

    @Test(.enabled(if: TestBroker.url != nil)) func aBodyAsLongAsTheBrokerTakesComesThroughWhole() async throws {
        try await QuarantineWorld.with { world in
            let size = try await TestBroker.shared.largestMessage(upTo: 30_000_000)
            var body: [UInt8] = []
            while body.count < size { body += "\(body.count) \0 ".utf8 + [0xFF] + body.prefix(1 << 16) }
            body.removeLast(body.count - size)
            let queue = TestBroker.uniqueName()
            try await TestBroker.shared.declare(queue)
            try await TestBroker.shared.publish(body, to: queue)
            try await TestBroker.shared.publish(emptyCandle(market: 1), to: queue)
            var configuration = try TestBroker.configuration()
            configuration.maximumBodyBytes = .max  // as the writer sets it
            let consumer = try await AMQPConsumer.connect(
                configuration, queues: [QueueDeclaration(name: queue)], prefetch: 10, logger: .init(label: "tests"))
            var received = 0
            while received < 2 {
                let batch = try #require(try await consumer.nextBatch(limit: 10, delay: .zero))
                try await world.store(batch)
                received += batch.deliveries.count
            }
            await consumer.close()
            try await TestBroker.shared.delete(queue)
            let rows = try await world.connection.execute("SELECT reason, body FROM quarantine")
            #expect(rows.count == 1 && rows.text(0, 0) == "too_large")
            #expect(rows.has(body, 0, 1))
            #expect(try await world.number("SELECT count(*) FROM outbox") == 1)
        }
    }

    @Test func conflictingDuplicatesAreListedAsTheyCame() async throws {
        try await QuarantineWorld.with { world in
            func rate(_ size: String, trace: String = "null") -> [UInt8] {
                Array(
                    """
                    {"exchange":"e","symbol":"s","payload":{ "poolASize":\(size), "poolBSize":1,"exchangeRate":1,\
                    "intervalStart":1702303200000,"intervalEnd":1702303200001,"marketId":7 },"collectorTraceId":\(trace)}
                    """.utf8)
            }
            var batch = DeliveryBatch()
            // Equal in value, although not in bytes; then one that differs at the last of 40 digits.
            let digits = String(repeating: "1", count: 40)
            for body in [rate(digits), rate("\"\(digits).0\""), rate(digits + ".1", trace: #""tr\u0061ce""#)] {
                batch.add(body, .exchangeRate)
            }
            let result = try await world.store(batch)
            #expect(result.storedCount == 1 && result.duplicateCount == 2 && result.duplicateOtherCount == 1)
            let rows = try await world.connection.execute(
                "SELECT record_type, market_id, trace_id, payload FROM conflicting_duplicates")
            try #require(rows.count == 1)
            #expect(rows.text(0, 0) == "ExchangeRate" && rows.int4(0, 1) == 7 && rows.text(0, 2) == "trace")
            #expect(rows.text(0, 3).hasPrefix(#"{ "poolASize":\#(digits).1, "#))
            #expect(try await world.booksBalance())
        }
    }
}
