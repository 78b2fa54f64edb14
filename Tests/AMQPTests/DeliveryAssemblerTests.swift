import Testing

@testable import AMQP

@Suite struct DeliveryAssemblerTests {
    private var assembler = DeliveryAssembler(maximumBodyBytes: 10)

    private mutating func add(tag: UInt64, _ fragments: [[UInt8]], announced: Int? = nil) throws {
        try assembler.begin(tag: tag, queue: 2, redelivered: true)
        let size = announced ?? fragments.reduce(0) { $0 + $1.count }
        try assembler.header(size: UInt64(size), headers: [Header(name: "n", value: "v")])
        for fragment in fragments { try fragment.withUnsafeBytes { try assembler.body($0) } }
    }

    @Test mutating func aBodyInPartsBecomesOneDelivery() throws {
        try add(tag: 1, [[1, 2], [3], [4, 5]])
        let batch = assembler.take(atMost: 9)
        #expect(batch.bytes == [1, 2, 3, 4, 5])
        let delivery = try #require(batch.deliveries.first)
        #expect(delivery.tag == 1 && delivery.queue == 2 && delivery.redelivered)
        #expect(delivery.body == 0..<5 && delivery.announcedSize == 5 && !delivery.isTruncated)
        #expect(delivery.headers == [Header(name: "n", value: "v")])
    }

    @Test mutating func anEmptyBodyIsCompleteWithItsHeader() throws {
        try add(tag: 1, [])
        try add(tag: 2, [[9]])
        let batch = assembler.take(atMost: 9)
        #expect(batch.bodies == [[], [9]])
    }

    @Test mutating func whatIsTakenLeavesTheRestWhole() throws {
        try add(tag: 1, [[1, 1]])
        try add(tag: 2, [[2]])
        try add(tag: 3, [[3, 3, 3]])
        try add(tag: 4, [[4]], announced: 3)
        #expect(assembler.take(atMost: 1).bodies == [[1, 1]])
        let second = assembler.take(atMost: 9)
        #expect(second.bodies == [[2], [3, 3, 3]])
        #expect(second.bytes.count == 4)
        #expect(assembler.count == 0 && assembler.byteCount == 0)
        try [UInt8]([5, 6]).withUnsafeBytes { try assembler.body($0) }
        #expect(assembler.take(atMost: 9).bodies == [[4, 5, 6]])
        #expect(assembler.take(atMost: 9).deliveries.isEmpty)
    }

    @Test(arguments: [(1, [[1, 1]]), (2, [[1, 1]]), (3, [[1, 1], [2]]), (99, [[1, 1], [2], [3]])])
    mutating func whatIsTakenEndsWhereTheBytesAreReached(bytes: Int, expected: [[UInt8]]) throws {
        try add(tag: 1, [[1, 1]])
        try add(tag: 2, [[2]])
        try add(tag: 3, [[3]])
        #expect(assembler.take(atMost: 9, bytes: bytes).bodies == expected)
        #expect(assembler.count == 3 - expected.count)
    }

    @Test mutating func aBodyThatIsTooLongIsCut() throws {
        try add(tag: 1, [Array(1...8), Array(9...16), [17]])
        try add(tag: 2, [[1]])
        let batch = assembler.take(atMost: 9)
        #expect(batch.bodies == [Array(1...10), [1]])
        #expect(batch.deliveries.map(\.isTruncated) == [true, false])
        #expect(batch.deliveries.map(\.announcedSize) == [17, 1])
    }

    @Test mutating func framesOutOfOrderAreRefused() throws {
        let violation = DeliveryAssembler.Violation()
        #expect(throws: violation) { try assembler.header(size: 1, headers: []) }
        #expect(throws: violation) { try [UInt8]([1]).withUnsafeBytes { try assembler.body($0) } }
        try assembler.begin(tag: 1, queue: 0, redelivered: false)
        #expect(throws: violation) { try assembler.begin(tag: 2, queue: 0, redelivered: false) }
        #expect(throws: violation) { try [UInt8]([1]).withUnsafeBytes { try assembler.body($0) } }
        #expect(throws: violation) { try assembler.header(size: .max, headers: []) }
        try assembler.header(size: 1, headers: [])
        #expect(throws: violation) { try [UInt8]([1, 2]).withUnsafeBytes { try assembler.body($0) } }
    }
}
