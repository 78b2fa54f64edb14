import AMQP
import TestSupport
import Testing

@Suite(.enabled(if: TestBroker.url != nil)) struct BrokenConnectionTests {
    private func proxy() throws -> TestProxy { TestProxy(to: try TestBroker.endpoint().port) }

    @Test func anIdleConsumerNoticesASilentBroker() async throws {
        let proxy = try proxy()
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(
                of: queue, configuration: TestBroker.configuration(port: proxy.port, heartbeat: .seconds(3)))
            proxy.fallSilent()
            let start = ContinuousClock.now
            let error = await failure { try await consumer.nextBatch(limit: 1, delay: .zero) }
            #expect(error?.kind == .heartbeatTimeout)
            #expect((.seconds(3)..<(.seconds(30))).contains(start.duration(to: .now)))
        }
    }

    @Test func aPublisherWithMuchToSendNoticesASilentBroker() async throws {
        let proxy = try proxy()
        try await TestBroker.withQueue { queue in
            let publisher = try await AMQPPublisher.connect(
                TestBroker.configuration(port: proxy.port, heartbeat: .seconds(3)),
                queue: QueueDeclaration(name: queue), logger: quiet)
            proxy.fallSilent()
            let big = [UInt8](repeating: 65, count: 1 << 20)
            let start = ContinuousClock.now
            let error = await failure {
                for id in Int64(1)...30 { _ = try await publisher.publish(batch([big], to: queue, firstID: id)) }
                #expect(await publisher.unsentBytes > 10 << 20)
                _ = try await publisher.nextOutcomes()
            }
            #expect(error?.kind == .heartbeatTimeout)
            #expect((.seconds(3)..<(.seconds(30))).contains(start.duration(to: .now)))
        }
    }

    @Test func heartbeatsKeepAnIdleConnectionAlive() async throws {
        try await TestBroker.withQueue { queue in
            let consumer = try await consumer(
                of: queue, configuration: TestBroker.configuration(heartbeat: .seconds(3)))
            async let batch = consumer.nextBatch(limit: 1, delay: .zero)
            try await Task.sleep(for: .seconds(10))  // both sides would have given up by now
            try await TestBroker.shared.publish([1], to: queue)
            #expect(try await batch?.bodies == [[1]])
            await consumer.close()
        }
    }

    @Test func aCutConnectionIsReportedToEveryWaiter() async throws {
        let proxy = try proxy()
        try await TestBroker.withQueue { queue in
            let configuration = try TestBroker.configuration(port: proxy.port)
            let consumer = try await consumer(of: queue, configuration: configuration)
            let publisher = try await AMQPPublisher.connect(
                configuration, queue: QueueDeclaration(name: queue), logger: quiet)
            async let batch = failure { try await consumer.nextBatch(limit: 1, delay: .zero) }
            async let outcomes = failure { try await publisher.nextOutcomes() }
            proxy.cut()
            #expect(await batch?.kind == .connectionLost)
            #expect(await outcomes?.kind == .connectionLost)
            await consumer.acknowledge(through: 1)
            await consumer.stopConsuming()
            #expect(await failure { try await consumer.nextBatch(limit: 1, delay: .zero) }?.kind == .connectionLost)
            #expect(await failure { try await publisher.ensureQueue() }?.kind == .connectionLost)
        }
    }

    @Test func closingASilentConnectionTakesABoundedTime() async throws {
        let proxy = try proxy()
        try await TestBroker.withQueue { queue in
            var configuration = try TestBroker.configuration(port: proxy.port)
            configuration.closeTimeout = .milliseconds(300)
            let consumer = try await consumer(of: queue, configuration: configuration)
            proxy.fallSilent()
            let start = ContinuousClock.now
            await consumer.close()
            #expect(start.duration(to: .now) < .seconds(15))
        }
    }

    @Test func connectingToASilentHostTakesABoundedTime() async throws {
        let proxy = try proxy()
        proxy.fallSilent()
        var configuration = try TestBroker.configuration(port: proxy.port)
        configuration.connectTimeout = .milliseconds(300)
        let start = ContinuousClock.now
        let error = await failure { try await consumer(of: "unused", configuration: configuration) }
        #expect(error?.kind == .timedOut)
        #expect(start.duration(to: .now) < .seconds(15))
    }

    @Test func theNextEndpointIsTriedWhenTheFirstIsDead() async throws {
        try await TestBroker.withQueue { queue in
            var configuration = try TestBroker.configuration()
            configuration.endpoints.insert(AMQPEndpoint(host: "127.0.0.1", port: 1), at: 0)
            let consumer = try await consumer(of: queue, configuration: configuration)
            await consumer.close()
        }
    }

    @Test func aWrongPasswordIsRefusedWithoutShowingIt() async throws {
        var configuration = try TestBroker.configuration()
        configuration.endpoints[0].password = "not-the-secret"
        configuration.endpoints.append(AMQPEndpoint(host: "127.0.0.1", port: 1, password: "not-the-secret"))
        let error = await failure { try await consumer(of: "unused", configuration: configuration) }
        #expect(error?.kind == .authenticationRefused)
        #expect(error?.recovery == .fix)
        #expect(error?.message.contains("ACCESS_REFUSED") == true)
        #expect(error.map { "\($0)" }?.contains("not-the-secret") == false)
    }

    @Test func aMissingVirtualHostIsRefusedWithTheBrokersCode() async throws {
        var configuration = try TestBroker.configuration()
        configuration.endpoints[0].virtualHost = "not-there"
        let error = await failure { try await consumer(of: "unused", configuration: configuration) }
        #expect(error?.brokerCode == 530)
        #expect(error?.recovery == .fix)
    }
}
