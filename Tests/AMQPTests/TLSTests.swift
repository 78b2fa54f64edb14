import AMQP
import Glibc
import TestSupport
import Testing

/// Needs `TEST_AMQPS_URL`, a TLS way to the same broker, and `TEST_AMQPS_CA`, the file with its certificate.
@Suite(.enabled(if: getenv("TEST_AMQPS_URL") != nil && TestBroker.url != nil)) struct TLSTests {
    private func configuration(
        _ parameters: String = "", authority: String = "ca", port: UInt16? = nil
    ) throws -> AMQPConfiguration {
        let url = String(cString: getenv("TEST_AMQPS_URL"))
        let query = "?cacertfile=\(try TestCertificates.certificate(authority))\(parameters)"
        var configuration = AMQPConfiguration(
            endpoints: try AMQPEndpoint.parse(url + query), connectionName: "tests", heartbeat: .seconds(3),
            connectTimeout: .seconds(30))
        if let port { configuration.endpoints[0].port = port }
        return configuration
    }

    private func refusal(_ configuration: AMQPConfiguration) async -> AMQPError? {
        await failure { try await consumer(of: "unused", configuration: configuration) }
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

    /// With TLS, too, nothing waits in a write.
    @Test func aBrokerThatTakesNothingIsGivenUp() async throws {
        var configuration = try configuration()
        let proxy = TestProxy(to: configuration.endpoints[0].port)
        configuration.endpoints[0].port = proxy.port
        try await TestBroker.withQueue { queue in
            let publisher = try await AMQPPublisher.connect(
                configuration, queue: QueueDeclaration(name: queue), logger: quiet)
            proxy.fallSilent()
            let big = [UInt8](repeating: 65, count: 1 << 20)
            let error = await failure {
                for id in Int64(1)...30 { _ = try await publisher.publish(batch([big], to: queue, firstID: id)) }
                _ = try await publisher.nextOutcomes()
            }
            #expect(error?.kind == .heartbeatTimeout)
            #expect(error?.recovery == .retry)
        }
    }

    @Test func aBrokerOfAnotherAuthorityIsRefused() async throws {
        let error = await refusal(try configuration(authority: "other-ca"))
        #expect(error?.kind == .certificateRefused)
        #expect(
            error?.message.contains("self-signed certificate in certificate chain") == true, "\(error?.message ?? "")")
    }

    @Test func aBrokerWithAnotherNameIsRefused() async throws {
        var configuration = try configuration()
        configuration.endpoints[0].host = "127.0.0.1"
        let error = await refusal(configuration)
        #expect(error?.kind == .certificateRefused)
        #expect(error?.message.contains("the broker's certificate is for another host name") == true)
    }

    @Test(arguments: [
        ("expired", "certificate has expired"), ("other-name", "is for another host name"),
        ("other-authority", "unable to get local issuer certificate"),
    ])
    func aStandInIsRefused(certificate: String, reason: String) async throws {
        try await TLSServer.with(certificate: certificate) { port in
            let error = await refusal(try configuration(port: port))
            #expect(error?.kind == .certificateRefused)
            #expect(error?.recovery == .fix)
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        }
    }

    @Test func onlyThePlainWordTurnsVerificationOff() async throws {
        try await TestBroker.withQueue { queue in
            let configuration = try configuration("&verify=verify_none", authority: "other-ca")
            let consumer = try await consumer(of: queue, configuration: configuration)
            await consumer.close()
        }
    }

    /// The broker asks for a certificate, and refuses one that is not of its authority.
    @Test func thisSideShowsItsCertificate() async throws {
        func parameters(_ name: String) throws -> String {
            "&certfile=\(try TestCertificates.certificate(name))&keyfile=\(try TestCertificates.key(name))"
        }
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(of: queue, configuration: configuration(parameters("client")))
            await consumer.close()
        }
        let foreign = try configuration(parameters("other-client"))
        #expect(await refusal(foreign) != nil)
        let mixed = try parameters("client").replacing("client.key", with: "server.key")
        #expect(await refusal(try configuration(mixed))?.message.contains("cannot use the certificate") == true)
    }
}
