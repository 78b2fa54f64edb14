import Testing

@testable import AMQP

@Suite struct PublishBatchTests {
    @Test func aMessageHasTheBytesOfTheProtocol() {
        var batch = PublishBatch(queue: "q", appID: "app")
        batch.append(id: -12, type: "t", timestamp: 258, correlationID: [UInt8]("c".utf8).span, body: [7, 8].span) {
            $0.add("a", Int32(1))
            $0.add("b", true)
        }
        #expect(batch.ids == [-12])
        let expected: [[UInt8]] = [
            [1, 0, 1, 0, 0, 0, 10, 0, 60, 0, 40, 0, 0, 0, 1, 113, 1, 0xCE],  // basic.publish, mandatory
            [2, 0, 1, 0, 0, 0, 67, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],  // header of 2 bytes
            [0xB4, 0xE8, 16], Array("application/json".utf8),
            [0, 0, 0, 11, 1, 97, UInt8(ascii: "I"), 0, 0, 0, 1, 1, 98, UInt8(ascii: "t"), 1],
            [2, 1, 99, 3], Array("-12".utf8), [0, 0, 0, 0, 0, 0, 1, 2, 1, 116, 3], Array("app".utf8), [0xCE],
            [3, 0, 1, 0, 0, 0, 2, 7, 8, 0xCE],
        ]
        #expect(batch.takeFrames() == expected.flatMap(\.self))
    }

    @Test func anEmptyBodyHasNoBodyFrame() {
        #expect(bodyFrames(of: []) == [])
    }

    @Test(arguments: [1, 4088, 4089, 8176, 10_000])
    func aLongBodyIsSplit(length: Int) {
        let frames = bodyFrames(of: (0..<length).map { UInt8(truncatingIfNeeded: $0) })
        #expect(frames.count == (length + 4087) / 4088)
        #expect(frames.dropLast().allSatisfy { $0.count == 4088 })
        #expect(frames.flatMap(\.self) == (0..<length).map { UInt8(truncatingIfNeeded: $0) })
    }

    @Test(arguments: [0, 7, 10, -1, Int64.max, Int64.min])
    func anIDIsWrittenInDecimal(id: Int64) {
        var frames = FrameWriter()
        frames.putDecimal(id)
        #expect(frames.bytes == [UInt8("\(id)".utf8.count)] + Array("\(id)".utf8))
    }

    @Test func aLongCorrelationIDIsLeftOut() {
        let (long, none) = ([UInt8](repeating: 65, count: 256), [UInt8]())
        var batch = PublishBatch(queue: "q")
        batch.append(id: 1, type: "t", timestamp: 0, correlationID: long.span, body: none.span)
        var without = PublishBatch(queue: "q")
        without.append(id: 1, type: "t", timestamp: 0, body: none.span)
        #expect(batch.takeFrames() == without.takeFrames())
    }

    @Test func anAcknowledgementHasTheBytesOfTheProtocol() {
        var frames = FrameWriter()
        frames.putAcknowledge(through: 3)
        #expect(frames.bytes == [1, 0, 1, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0xCE])
        frames.bytes = []
        frames.putHeartbeat()
        #expect(frames.bytes == [8, 0, 0, 0, 0, 0, 0, 0xCE])
    }

    /// The payloads of the body frames of a message.
    private func bodyFrames(of body: [UInt8]) -> [[UInt8]] {
        var batch = PublishBatch(queue: "q")
        batch.append(id: 1, type: "t", timestamp: 0, body: body.span)
        var rest = batch.takeFrames()[...]
        var payloads: [[UInt8]] = []
        while rest.count >= 8 {
            let size = rest.dropFirst(3).prefix(4).reduce(0) { $0 << 8 | Int($1) }
            if rest.first == FrameWriter.body { payloads.append(Array(rest.dropFirst(7).prefix(size))) }
            rest = rest.dropFirst(size + 8)
        }
        return payloads
    }
}
