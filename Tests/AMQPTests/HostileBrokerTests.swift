import Glibc
import Synchronization
import TestSupport
import Testing

@testable import AMQP

/// Whoever sits in the broker's place gets an error for an answer: nothing it says is believed, kept or waited for without a
/// limit. `FAKE_BROKER_SECONDS=3600` lets the random sessions run for an hour.
@Suite("A hostile broker", .timeLimit(.minutes(10))) struct HostileBrokerTests {
    typealias Grammar = BrokerGrammar

    private static func configuration(_ broker: FakeBroker) -> AMQPConfiguration {
        AMQPConfiguration(
            endpoints: [AMQPEndpoint(host: "127.0.0.1", port: broker.port)], connectionName: "tests",
            connectTimeout: .seconds(3), replyTimeout: .seconds(2), closeTimeout: .milliseconds(200),
            maximumBodyBytes: 1 << 20)
    }

    /// Plays along until the client consumes or asks for confirms.
    private static func playAlong(_ peer: FakeBrokerPeer) {
        guard peer.read(8) != nil, peer.send(Grammar.start()) else { return }
        while let (channel, id) = peer.readFrame() {
            guard let id, let answer = Grammar.answer(to: id, on: channel) else { continue }
            peer.send(answer)
            if id == MethodID.basicConsume || id == MethodID.confirmSelect { return }
        }
    }

    /// Serves a consumer until its connection ends.
    private func endOfConsumer(
        _ serve: @escaping @Sendable (FakeBrokerPeer) -> Void
    ) async throws -> AMQPError? {
        let broker = try FakeBroker(serve)
        defer { broker.stop() }
        return await failure {
            let consumer = try await AMQPConsumer.connect(
                Self.configuration(broker), queues: [QueueDeclaration(name: "queue")], prefetch: 10, logger: quiet)
            while let batch = try await consumer.nextBatch(limit: 10, delay: .zero) {
                await consumer.acknowledge(through: batch.deliveries.last?.tag ?? 0)
            }
        }
    }

    private func endOfPublisher(
        _ serve: @escaping @Sendable (FakeBrokerPeer) -> Void
    ) async throws -> AMQPError? {
        let broker = try FakeBroker(serve)
        defer { broker.stop() }
        return await failure {
            let publisher = try await AMQPPublisher.connect(
                Self.configuration(broker), queue: QueueDeclaration(name: "queue"), logger: quiet)
            _ = try await publisher.publish(batch(bodies(3), to: "queue"))
            while true { _ = try await publisher.nextOutcomes() }
        }
    }

    /// The library read such a header as the properties of a message, at an address of the broker's choice.
    @Test(arguments: [10, 20, 50, 85, 90] as [UInt16]) func aHeaderOfAnotherClassIsAViolation(classID: UInt16)
        async throws
    {
        let serve: @Sendable (FakeBrokerPeer) -> Void = { peer in
            Self.playAlong(peer)
            peer.send(Grammar.deliver(1, tag: 1))
            peer.send(Grammar.header(1, size: 1, classID: classID, properties: [UInt8](repeating: 0x41, count: 300)))
            _ = peer.readFrame()
        }
        #expect(try await endOfConsumer(serve)?.kind == .protocolViolation)
        let returning: @Sendable (FakeBrokerPeer) -> Void = { peer in
            Self.playAlong(peer)
            peer.send(Grammar.method(MethodID.basicReturn, 1, [1, 56] + Grammar.short("") + [0, 0]))
            peer.send(Grammar.header(1, size: 1, classID: classID))
            while peer.readFrame() != nil {}
        }
        #expect(try await endOfPublisher(returning)?.kind == .protocolViolation)
    }

    @Test(arguments: [1 << 20 + 1, 1 << 40, UInt64(Int64.max), .max])
    func aBodyThatIsAnnouncedTooLongIsNotKept(size: UInt64) async throws {
        let taken = Counter()
        let error = try await endOfConsumer { peer in
            Self.playAlong(peer)
            peer.send(Grammar.deliver(1, tag: 1) + Grammar.header(1, size: size))
            let body = Grammar.frame(3, 1, [UInt8](repeating: 65, count: 100_000))
            for _ in 0..<1000 where peer.send(body) { taken.add(body.count) }
        }
        #expect(error?.kind == .messageTooLong(queue: "queue"))
        #expect(taken.total < 32 << 20)
    }

    private final class Counter: Sendable {
        private let value = Atomic<Int>(0)
        func add(_ count: Int) { value.wrappingAdd(count, ordering: .relaxed) }
        var total: Int { value.load(ordering: .relaxed) }
    }

    @Test(arguments: [2, 3, 65_535] as [UInt16]) func aFrameOnAnotherChannelIsAViolation(channel: UInt16) async throws {
        for frame in [
            Grammar.deliver(channel, tag: 1), Grammar.header(channel, size: 1), Grammar.frame(3, channel, [1]),
            Grammar.method(MethodID.channelClose, channel, [1, 144] + Grammar.short("") + [0, 0, 0, 0]),
        ] {
            let error = try await endOfConsumer { peer in
                Self.playAlong(peer)
                peer.send(frame)
                _ = peer.readFrame()
            }
            #expect(error?.kind == .protocolViolation)
        }
    }

    @Test func tagsThatDoNotFollowAreAViolation() async throws {
        for tag in [0, 2, UInt64.max] {
            let error = try await endOfConsumer { peer in
                Self.playAlong(peer)
                peer.send(Grammar.deliver(1, tag: tag) + Grammar.header(1, size: 0))
                _ = peer.readFrame()
            }
            #expect(error?.kind == .protocolViolation)
        }
    }

    /// 26,000 levels of arrays are 130 kB; before the login, and in a message.
    @Test func nestingCostsNothing() async throws {
        let error = try await endOfConsumer { peer in
            guard peer.read(8) != nil, peer.send(Grammar.start(Grammar.nested(26_000))) else { return }
            while let (channel, id) = peer.readFrame() {
                guard let id, let answer = Grammar.answer(to: id, on: channel) else { continue }
                peer.send(answer)
                if id == MethodID.basicConsume { break }
            }
            for tag in UInt64(1)...3 {
                let properties = [0x20, 0] + Grammar.long(Grammar.nested(tag == 2 ? 26_000 : 1))
                peer.send(Grammar.deliver(1, tag: tag) + Grammar.header(1, size: 0, properties: properties))
            }
            let acknowledged = peer.readFrame()
            peer.send(
                Grammar.method(
                    MethodID.connectionClose, 0,
                    [1, 64] + Grammar.short("\(acknowledged?.method ?? 0)") + [0, 0, 0, 0]))
            _ = peer.readFrame()
        }
        #expect(error?.kind == .closedByBroker(320))
        #expect(error?.message.hasSuffix("\(MethodID.basicAck)") == true, "\(error?.message ?? "")")
    }

    @Test func whatIsNoAMQPIsSaidToBeNone() async throws {
        #expect(
            try await endOfConsumer { $0.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)) }?.kind
                == .protocolViolation)
        let other = try await endOfConsumer { $0.send(Array("AMQP".utf8) + [3, 1, 0, 0]) }
        #expect(other?.message.contains("another version of AMQP") == true)
    }

    /// Answers nothing, but lives; the time is over all the same.
    @Test func heartbeatsWithoutEndDoNotHoldALoginUp() async throws {
        let start = ContinuousClock.now
        let error = try await endOfConsumer { peer in
            while peer.send(Grammar.frame(8, 0, [])) { usleep(1000) }
        }
        #expect(error?.kind == .timedOut)
        #expect(start.duration(to: .now) < .seconds(30))
    }

    /// Sessions from a grammar. Each ends with an error, in time, with next to no memory.
    @Test func anythingEndsWithAnError() async throws {
        let seconds = getenv("FAKE_BROKER_SECONDS").flatMap { Int(String(cString: $0)) }
        let end = ContinuousClock.now + .seconds(seconds ?? 15)
        let before = mostResidentBytes()
        var seed: UInt64 = seconds == nil ? 0 : .random(in: 0...(.max))
        while ContinuousClock.now < end {
            let start = ContinuousClock.now
            let hostile = HostileBroker(seed: seed)
            let error = try await seed % 2 == 0 ? endOfConsumer(hostile.serve) : endOfPublisher(hostile.serve)
            #expect(error != nil, "seed \(seed)")
            #expect(start.duration(to: .now) < .seconds(60), "seed \(seed)")
            seed &+= 1
        }
        if seconds != nil { #expect(mostResidentBytes() - before < 64 << 20) }
    }

    private func mostResidentBytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}
