/// Encodes AMQP 0-9-1 frames into one array of bytes.
///
/// Frames are made here and not by the library, because the library's writes may block without limit, and because this is
/// about half as much work.
struct FrameWriter: Sendable {
    static let method: UInt8 = 1
    static let header: UInt8 = 2
    static let body: UInt8 = 3
    static let heartbeat: UInt8 = 8
    static let end: UInt8 = 0xCE
    /// The channel of a connection that needs but one.
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

    /// A text of any length with its length in four bytes.
    mutating func putLong(_ text: String) {
        let length = beginLength()
        bytes.append(contentsOf: text.utf8)
        endLength(length)
    }

    /// The name of an entry of a table, and what kind of value follows.
    mutating func putName(_ name: String, kind: Unicode.Scalar) {
        putShort(name)
        put(UInt8(ascii: kind))
    }

    mutating func putEntry(_ name: String, text: String) {
        putName(name, kind: "S")
        putLong(text)
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

    mutating func putAcknowledge(through tag: UInt64, channel: UInt16 = FrameWriter.channel) {
        let frame = beginFrame(Self.method, channel: channel)
        put(MethodID.basicAck)
        put(tag)
        put(UInt8(1))  // multiple
        endFrame(frame)
    }

    /// Gives back everything that is not acknowledged. RabbitMQ 4.3 does not count that as a return, as it does a lost channel.
    mutating func putGiveBack(channel: UInt16) {
        let frame = beginFrame(Self.method, channel: channel)
        put(MethodID.basicNack)
        put(UInt64(0))  // of all
        put(UInt8(0b11))  // multiple, and into the queue again
        endFrame(frame)
    }

    mutating func putOpenChannel(_ channel: UInt16) {
        let frame = beginFrame(Self.method, channel: channel)
        put(MethodID.channelOpen)
        put(UInt8(0))  // a field that is reserved
        endFrame(frame)
    }

    mutating func putDeclare(
        _ queue: String, passive: Bool, arguments: [QueueArgument] = [], channel: UInt16 = FrameWriter.channel
    ) {
        let frame = beginFrame(Self.method, channel: channel)
        put(MethodID.queueDeclare)
        put(UInt16(0))
        putShort(queue)
        put(UInt8(passive ? 0b11 : 0b10))  // durable
        putTable(arguments)
        endFrame(frame)
    }

    private mutating func putTable(_ arguments: [QueueArgument]) {
        let table = beginLength()
        for argument in arguments {
            switch argument.value {
            case .number(let number):
                putName(argument.name, kind: "l")
                put(number)
            case .text(let text): putEntry(argument.name, text: text)
            }
        }
        endLength(table)
    }

    /// Limits how many deliveries each consumer of the channel may have unacknowledged.
    mutating func putPrefetch(_ count: UInt16, channel: UInt16) {
        let frame = beginFrame(Self.method, channel: channel)
        put(MethodID.basicQos)
        put(UInt32(0))
        put(count)
        put(UInt8(0))  // for each consumer
        endFrame(frame)
    }

    mutating func putConsume(
        _ queue: String, consumer tag: String, arguments: [QueueArgument] = [], channel: UInt16
    ) {
        let frame = beginFrame(Self.method, channel: channel)
        put(MethodID.basicConsume)
        put(UInt16(0))
        putShort(queue)
        putShort(tag)
        put(UInt8(0))
        putTable(arguments)
        endFrame(frame)
    }

    mutating func putCancel(consumer tag: String, channel: UInt16, wantsAnswer: Bool = true) {
        let frame = beginFrame(Self.method, channel: channel)
        put(MethodID.basicCancel)
        putShort(tag)
        put(UInt8(wantsAnswer ? 0 : 1))
        endFrame(frame)
    }

    /// Gives back what was delivered and not acknowledged.
    mutating func putRecover(_ channel: UInt16) {
        let frame = beginFrame(Self.method, channel: channel)
        put(MethodID.basicRecover)
        put(UInt8(1))  // to anybody
        endFrame(frame)
    }

    /// Of a message without a body and without properties.
    mutating func putEmptyHeader() {
        let frame = beginFrame(Self.header)
        put(UInt32(60 << 16))
        put(UInt64(0))
        put(UInt16(0))
        endFrame(frame)
    }

    mutating func putSelectConfirms() {
        let frame = beginFrame(Self.method)
        put(MethodID.confirmSelect)
        put(UInt8(0))
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
