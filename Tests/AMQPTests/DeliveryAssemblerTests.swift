import Testing

@testable import AMQP

@Suite struct DeliveryAssemblerTests {
    private var assembler = DeliveryAssembler(queues: 3)

    private mutating func add(
        tag: UInt64, _ fragments: [[UInt8]], announced: Int? = nil, queue: Int = 2
    ) {
        assembler.begin(tag: tag, queue: queue, redelivered: true)
        let size = announced ?? fragments.reduce(0) { $0 + $1.count }
        let whole = assembler.header(size: size, headers: [Header(name: "n", value: "v")], queue: queue)
        if let whole { assembler.complete(queue, number: whole, last: UnsafeRawBufferPointer(start: nil, count: 0)) }
        for fragment in fragments { add(fragment, queue: queue) }
    }

    private mutating func add(_ fragment: [UInt8], queue: Int) {
        fragment.withUnsafeBytes { bytes in
            if let tag = assembler.body(bytes, queue: queue) { assembler.complete(queue, number: tag, last: bytes) }
        }
    }

    @Test mutating func aBodyInPartsBecomesOneDelivery() throws {
        add(tag: 1, [[1, 2], [3], [4, 5]])
        let batch = assembler.take(atMost: 9)
        #expect(batch.bytes == [1, 2, 3, 4, 5])
        let delivery = try #require(batch.deliveries.first)
        #expect(delivery.tag == 1 && delivery.queue == 2 && delivery.redelivered)
        #expect(delivery.body == 0..<5)
        #expect(delivery.headers == [Header(name: "n", value: "v")])
    }

    @Test mutating func anEmptyBodyIsCompleteWithItsHeader() throws {
        add(tag: 1, [])
        add(tag: 2, [[9]])
        let batch = assembler.take(atMost: 9)
        #expect(batch.bodies == [[], [9]])
    }

    @Test mutating func whatIsTakenLeavesTheRestWhole() throws {
        add(tag: 1, [[1, 1]])
        add(tag: 2, [[2]])
        add(tag: 3, [[3, 3, 3]])
        add(tag: 4, [[4]], announced: 3)
        #expect(assembler.take(atMost: 1).bodies == [[1, 1]])
        let second = assembler.take(atMost: 9)
        #expect(second.bodies == [[2], [3, 3, 3]])
        #expect(second.bytes.count == 4)
        #expect(assembler.count == 0 && assembler.byteCount == 0)
        add([5, 6], queue: 2)
        #expect(assembler.take(atMost: 9).bodies == [[4, 5, 6]])
        #expect(assembler.take(atMost: 9).deliveries.isEmpty)
    }

    @Test(arguments: [(1, [[1, 1]]), (2, [[1, 1]]), (3, [[1, 1], [2]]), (99, [[1, 1], [2], [3]])])
    mutating func whatIsTakenEndsWhereTheBytesAreReached(bytes: Int, expected: [[UInt8]]) throws {
        add(tag: 1, [[1, 1]])
        add(tag: 2, [[2]])
        add(tag: 3, [[3]])
        #expect(assembler.take(atMost: 9, bytes: bytes).bodies == expected)
        #expect(assembler.count == 3 - expected.count)
    }

    @Test mutating func partsOfSeveralQueuesMayComeInTurns() {
        add(tag: 1, [[1]], announced: 3, queue: 0)
        add(tag: 2, [[9, 9]], queue: 1)
        add([2], queue: 0)
        #expect(assembler.unfinishedBytes == 2)
        add(tag: 3, [[8]], queue: 2)
        add([3], queue: 0)
        let batch = assembler.take(atMost: 9)
        #expect(batch.bodies == [[9, 9], [8], [1, 2, 3]])
        #expect(batch.deliveries.map(\.queue) == [1, 2, 0])
        #expect(assembler.unfinishedBytes == 0)
    }

    @Test mutating func aClosedChannelLeavesNothingBehind() {
        add(tag: 1, [[1, 2]], announced: 3)
        assembler.abandon(2)
        #expect(assembler.unfinishedBytes == 0 && assembler.count == 0)
        add(tag: 1, [[7]])
        #expect(assembler.take(atMost: 9).bodies == [[7]])
    }
}
