import TestSupport
import Testing

@testable import AMQP

@Suite struct FrameBufferTests {
    /// Puts the bytes in, in pieces of these sizes in turns, and takes out what is whole.
    private func frames(of bytes: [UInt8], in sizes: [Int] = [.max]) throws -> [(type: UInt8, count: Int)] {
        var buffer = FrameBuffer()
        var found: [(UInt8, Int)] = []
        var rest = bytes[...]
        var turn = 0
        while !rest.isEmpty {
            let room = buffer.room()
            try #require(!room.isEmpty)
            let piece = rest.prefix(min(sizes[turn % sizes.count], room.count))
            room.copyBytes(from: piece)
            buffer.filled(piece.count)
            rest = rest.dropFirst(piece.count)
            turn += 1
            while let frame = try buffer.next() {
                #expect(frame.payload.allSatisfy { $0 == frame.type })
                found.append((frame.type, frame.payload.count))
            }
        }
        return found
    }

    private func frame(_ type: UInt8, _ count: Int) -> [UInt8] {
        var writer = FrameWriter()
        let start = writer.beginFrame(type)
        writer.bytes += [UInt8](repeating: type, count: count)
        writer.endFrame(start)
        return writer.bytes
    }

    @Test(arguments: [[1], [7, 1], [65_536], [100_000, 3], [.max]])
    func framesComeOutWholeHoweverTheyCome(sizes: [Int]) throws {
        let counts = [0, 1, 5000, FrameBuffer.frameLimit - 8, 0, 70_000, 70_000, 12]
        let bytes = counts.enumerated().flatMap { frame(UInt8($0.offset + 1), $0.element) }
        let found = try frames(of: bytes, in: sizes)
        #expect(found.map(\.count) == counts)
        #expect(found.map(\.type) == (1...8).map { UInt8($0) })
    }

    @Test func aFrameThatIsTooLongIsRefusedAtItsStart() {
        #expect(throws: FieldReader.Malformed.self) { try frames(of: [3, 0, 1, 0x00, 0x02, 0x00, 0x00]) }
        #expect(throws: FieldReader.Malformed.self) { try frames(of: [3, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]) }
        #expect(throws: FieldReader.Malformed.self) {
            try frames(of: frame(1, FrameBuffer.frameLimit - 7))
        }
    }

    @Test func aFrameThatDoesNotEndWhereItSaysIsRefused() {
        var bytes = frame(1, 3)
        bytes[bytes.count - 1] = 0xCD
        #expect(throws: FieldReader.Malformed.self) { try frames(of: bytes) }
    }

    /// Random bytes, and frames with a random byte in them: read to the end, or refused.
    @Test(arguments: 0..<200) func anythingIsReadOrRefused(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = (0..<10).flatMap { _ in
            frame(UInt8.random(in: 0...8, using: &random), Int.random(in: 0...300, using: &random))
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            bytes[bytes.indices.randomElement(using: &random)!] = UInt8.random(in: 0...255, using: &random)
        }
        var buffer = FrameBuffer()
        buffer.room().copyBytes(from: bytes)
        buffer.filled(bytes.count)
        while let raw = try? buffer.next() {
            guard case .header(let header)? = try? IncomingFrame(raw) else { continue }
            _ = header.headers
            _ = header.numericMessageID
        }
    }
}
