import AMQP
import TestSupport
import Testing

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
            #expect(
                received.deliveries[0].headers == [
                    Header(name: "x-market-id", value: "-7"),
                    Header(name: "x-big", value: "1099511627776"),
                    Header(name: "x-possibly-redelivered", value: "true"),
                    Header(name: "traceparent", value: String(decoding: trace, as: UTF8.self)),
                ])
            #expect(!received.deliveries[0].redelivered)
            await consumer.close()
            await publisher.close()
        }
    }
}
