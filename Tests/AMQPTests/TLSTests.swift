import AMQP
import Glibc
import TestSupport
import Testing

/// Needs `TEST_AMQPS_URL`, a TLS way to the same broker, and `TEST_AMQPS_CA`, the file with its certificate.
@Suite(.enabled(if: getenv("TEST_AMQPS_URL") != nil && TestBroker.url != nil)) struct TLSTests {
    private func configuration() throws -> AMQPConfiguration {
        AMQPConfiguration(
            endpoints: try AMQPEndpoint.parse(String(cString: getenv("TEST_AMQPS_URL"))), connectionName: "tests",
            heartbeat: .seconds(3), certificateFile: String(cString: getenv("TEST_AMQPS_CA")))
    }

    @Test func messagesGoThereAndBack() async throws {
        try await TestBroker.withQueue { queue in
            let publisher = try await AMQPPublisher.connect(
                configuration(), queue: QueueDeclaration(name: queue), logger: quiet)
            let sent = bodies(1000) + [[UInt8](repeating: 66, count: 300_000), []]
            let tags = try await publisher.publish(batch(sent, to: queue))
            let outcomes = try await allOutcomes(of: publisher, until: tags.upperBound)
            #expect(outcomes.flatMap(\.confirmedTags).sorted() == Array(tags))

            let consumer = try await consumer(of: queue, prefetch: 0, configuration: configuration())
            var received: [[UInt8]] = []
            while received.count < sent.count {
                let batch = try #require(try await consumer.nextBatch(limit: 300, delay: .zero))
                received += batch.bodies
                await consumer.acknowledge(through: batch.deliveries.last?.tag ?? 0)
            }
            #expect(received == sent)
            async let last = consumer.nextBatch(limit: 1, delay: .zero)
            try await Task.sleep(for: .seconds(8))  // heartbeats are needed meanwhile
            await consumer.stopConsuming()
            #expect(try await last?.deliveries.count == nil)
            await consumer.close()
            await publisher.close()
            #expect(try await TestBroker.shared.messageCount(queue) == 0)
        }
    }

    /// The library would wait for ever in its write.
    @Test func aBrokerThatTakesNothingIsGivenUp() async throws {
        var configuration = try configuration()
        let proxy = TestProxy(to: configuration.endpoints[0].port)
        configuration.endpoints[0].port = proxy.port
        configuration.writeTimeout = .seconds(2)
        try await TestBroker.withQueue { queue in
            let publisher = try await AMQPPublisher.connect(
                configuration, queue: QueueDeclaration(name: queue), logger: quiet)
            proxy.fallSilent()
            let big = [UInt8](repeating: 65, count: 1 << 20)
            let error = await failure {
                for id in Int64(1)...30 { _ = try await publisher.publish(batch([big], to: queue, firstID: id)) }
            }
            #expect(error?.kind == .connectionLost)
            #expect(error?.recovery == .retry)
        }
    }

    @Test func aBrokerWithAForeignCertificateIsRefused() async throws {
        var configuration = try configuration()
        configuration.certificateFile = "/etc/ssl/certs/ca-certificates.crt"
        let error = await failure { try await consumer(of: "unused", configuration: configuration) }
        #expect(error?.kind == .certificateRefused)
    }

    @Test func aBrokerWithAnotherNameIsRefused() async throws {
        var configuration = try configuration()
        configuration.endpoints[0].host = "127.0.0.1"
        let error = await failure { try await consumer(of: "unused", configuration: configuration) }
        #expect(error?.kind == .certificateRefused)
    }
}
