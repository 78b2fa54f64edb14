import Testing

@testable import AMQP

@Suite struct ContentOrderTests {
    private static func header(_ size: UInt64) -> IncomingFrame {
        var payload = FrameWriter()
        payload.put(UInt32(60 << 16))
        payload.put(size)
        payload.put(UInt16(0))
        return payload.bytes.withUnsafeBytes { bytes in
            var fields = FieldReader(bytes)
            return (try? ContentHeader(&fields)).map { .header($0) } ?? .heartbeat
        }
    }

    private static var deliver: IncomingFrame { .deliver(tag: 1, redelivered: false) }

    private func body(_ count: Int) -> IncomingFrame {
        .body(UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: 8), count: count))
    }

    @Test func aMessageIsCompleteWithItsLastByte() throws {
        var order = ContentOrder()
        #expect(try !order.take(Self.deliver))
        #expect(try !order.take(Self.header(5)))
        #expect(try !order.take(body(2)))
        #expect(try !order.take(body(0)))
        #expect(try order.take(body(3)))
        #expect(try !order.take(.returned(code: 312, text: "")))
        #expect(try order.take(Self.header(0)))
        #expect(try !order.take(.ack(tag: 1, multiple: false)))
    }

    @Test func nothingComesInBetweenButTheEndOfTheChannel() throws {
        var begun = ContentOrder()
        _ = try begun.take(Self.deliver)
        for frame in [Self.deliver, body(1), .ack(tag: 1, multiple: true), .cancelled, .channelCloseOK] {
            var order = begun
            #expect(throws: ContentOrder.Violation.self) { try order.take(frame) }
        }
        _ = try begun.take(Self.header(2))
        for frame in [Self.deliver, Self.header(2), body(3), .nack(tag: 1, multiple: true)] {
            var order = begun
            #expect(throws: ContentOrder.Violation.self) { try order.take(frame) }
        }
        _ = try begun.take(.channelClose(code: 541, text: ""))
        #expect(begun == ContentOrder())
    }

    @Test func noContentComesWithoutItsMethod() {
        for frame in [Self.header(1), body(1), body(0)] {
            var order = ContentOrder()
            #expect(throws: ContentOrder.Violation.self) { try order.take(frame) }
        }
    }
}
