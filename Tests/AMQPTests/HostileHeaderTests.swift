import TestSupport
import Testing

@testable import AMQP

/// Headers that the broker takes from anybody. None may keep a message, or those around it, from arriving.
@Suite(.enabled(if: TestBroker.url != nil)) struct HostileHeaderTests {
    struct Hostile: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let write: @Sendable (inout HeaderWriter) -> Void
    }

    static let all = [
        Hostile(testDescription: "tables 50 deep") { $0.addNested(50, kind: "F") },
        Hostile(testDescription: "tables 101 deep") { $0.addNested(101, kind: "F") },
        Hostile(testDescription: "tables 18,000 deep") { $0.addNested(18_000, kind: "F") },
        Hostile(testDescription: "arrays 25,000 deep") { $0.addNested(25_000, kind: "A") },
        Hostile(testDescription: "10,000 headers") { headers in
            for _ in 0..<10_000 { headers.add("x", Int32(1)) }
        },
        Hostile(testDescription: "130 kB in one header") { headers in
            headers.add("x", [UInt8](repeating: 0xFF, count: 130_000).span)
        },
    ]

    @Test(arguments: all)
    func `a message with hostile headers arrives between two others`(_ hostile: Hostile) async throws {
        try await TestBroker.withQueue { queue in
            let publisher = try await AMQPPublisher.connect(
                TestBroker.configuration(), queue: QueueDeclaration(name: queue), logger: quiet)
            var batch = PublishBatch(queue: queue)
            for id in 1...3 {
                batch.append(id: Int64(id), type: "test", timestamp: 0, body: Array("body \(id)".utf8).span) {
                    $0.add("first", Int32(id))
                    if id == 2 { hostile.write(&$0) }
                }
            }
            _ = try await publisher.publish(batch)
            let outcomes = try await allOutcomes(of: publisher, until: 3)
            #expect(outcomes.flatMap(\.confirmedTags).sorted() == [1, 2, 3])

            let consumer = try await consumer(of: queue)
            var received: [[UInt8]] = []
            while received.count < 3 {
                let batch = try #require(try await consumer.nextBatch(limit: 10, delay: .zero))
                received += batch.bodies
                for delivery in batch.deliveries {
                    #expect(delivery.headers.first?.name == "first")
                    #expect(delivery.headers.count <= 32)
                }
                await consumer.acknowledge(through: batch.deliveries.last!.tag)
            }
            #expect(received == (1...3).map { Array("body \($0)".utf8) })
            await consumer.close()
            await publisher.close()
        }
    }
}

extension HeaderWriter {
    /// Tables ("F") or arrays ("A") in one another.
    fileprivate mutating func addNested(_ depth: Int, kind: Unicode.Scalar) {
        let isTable = kind == "F"
        frames.bytes += isTable ? [1, 0x61, UInt8(ascii: kind)] : [1, 0x61, UInt8(ascii: "A")]
        let levelBytes = isTable ? 7 : 5  // name, kind and length; or kind and length
        for level in 0..<depth {
            frames.put(UInt32(levelBytes * (depth - 1 - level)))
            if level < depth - 1 { frames.bytes += isTable ? [1, 0x61, UInt8(ascii: kind)] : [UInt8(ascii: kind)] }
        }
    }
}
