/// Encodes AMQP 0-9-1 frames into one array of bytes.
///
/// The frames of the steady state are made here and not by the library, because the library's writes may block without
/// limit, and because this is about half as much work.
struct FrameWriter: Sendable {
    static let method: UInt8 = 1
    static let header: UInt8 = 2
    static let body: UInt8 = 3
    static let heartbeat: UInt8 = 8
    static let end: UInt8 = 0xCE
    /// The only channel that this module opens.
    static let channel: UInt16 = 1

    var bytes: [UInt8] = []

    mutating func put(_ value: UInt8) { bytes.append(value) }

    mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ span: Span<UInt8>) {
        span.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }

    /// A text of at most 255 bytes with its length in one byte; longer text is cut.
    mutating func putShort(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            bytes.append(UInt8(min(utf8.count, 255)))
            bytes.append(contentsOf: utf8.prefix(255))
        }
    }

    /// Writes the frame's start with an empty size.
    /// - Returns: what ``endFrame(_:)`` needs.
    mutating func beginFrame(_ type: UInt8, channel: UInt16 = FrameWriter.channel) -> Int {
        put(type)
        put(channel)
        return beginLength()
    }

    mutating func endFrame(_ position: Int) {
        endLength(position)
        put(Self.end)
    }

    /// Leaves room for a length of four bytes.
    mutating func beginLength() -> Int {
        put(UInt32(0))
        return bytes.count
    }

    mutating func endLength(_ position: Int) {
        let length = UInt32(bytes.count - position)
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: length.bigEndian, toByteOffset: position - 4, as: UInt32.self)
        }
    }
}

// MARK: whole frames

extension FrameWriter {
    mutating func putMethod(_ id: UInt32, channel: UInt16 = FrameWriter.channel) {
        let frame = beginFrame(Self.method, channel: channel)
        put(id)
        endFrame(frame)
    }

    mutating func putHeartbeat() {
        endFrame(beginFrame(Self.heartbeat, channel: 0))
    }

    mutating func putAcknowledge(through tag: UInt64) {
        let frame = beginFrame(Self.method)
        put(MethodID.basicAck)
        put(tag)
        put(UInt8(1))  // multiple
        endFrame(frame)
    }

    mutating func putCancel(consumer tag: String) {
        let frame = beginFrame(Self.method)
        put(MethodID.basicCancel)
        putShort(tag)
        put(UInt8(0))  // an answer is wanted
        endFrame(frame)
    }

    /// channel.close or connection.close with code 200.
    mutating func putClose(_ id: UInt32, channel: UInt16) {
        let frame = beginFrame(Self.method, channel: channel)
        put(id)
        put(UInt16(200))
        putShort("closed")
        put(UInt32(0))  // no method of the broker's was the cause
        endFrame(frame)
    }

    /// basic.publish by way of the default exchange, mandatory.
    mutating func putPublish(queue: String) {
        let frame = beginFrame(Self.method)
        put(MethodID.basicPublish)
        put(UInt16(0))
        put(UInt8(0))  // the default exchange has no name
        putShort(queue)
        put(UInt8(1))  // mandatory
        endFrame(frame)
    }
}
