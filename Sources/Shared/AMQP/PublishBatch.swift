/// Messages for one queue, encoded as they go over the wire, to be published together.
///
/// Every message is persistent and mandatory, with the content type `application/json`.
public struct PublishBatch: Sendable {
    /// The largest payload of a body frame: each peer must take frames of 4,096 bytes, so this needs no negotiation.
    static let bodyFrameLimit = 4096 - 8

    /// The ID of each message, in order.
    public private(set) var ids: [Int64] = []
    private var out = HeaderWriter()
    private let appID: String
    /// The frame that is the same for each message, and the start of the one after it.
    private let prefix: [UInt8]

    /// An empty batch.
    /// - Parameters:
    ///   - queue: where the messages go, by way of the default exchange; at most 255 bytes.
    ///   - appID: the property `app_id` of each message.
    ///   - messages: how many to reserve memory for.
    ///   - bytesEach: how long a body is expected to be.
    public init(queue: String, appID: String = "candlepost", messages: Int = 0, bytesEach: Int = 300) {
        precondition(queue.utf8.count <= 255, "a queue name is at most 255 bytes long")
        self.appID = appID
        var start = FrameWriter()
        start.putPublish(queue: queue)
        prefix = start.bytes
        ids.reserveCapacity(messages)
        out.frames.bytes.reserveCapacity(messages * (prefix.count + bytesEach + 250))
    }

    /// How many messages it holds.
    public var count: Int { ids.count }
    /// How long it is on the wire, in bytes.
    public var byteCount: Int { out.frames.bytes.count }
    public var isEmpty: Bool { ids.isEmpty }

    /// Adds a message.
    /// - Parameters:
    ///   - id: the property `message_id`, in decimal; a returned message is recognised by it, so no two messages that
    ///     may be on their way at the same time share one.
    ///   - type: the property `type`.
    ///   - timestamp: seconds since 1970.
    ///   - correlationID: the property `correlation_id`; left out when empty or longer than 255 bytes.
    ///   - body: the body, any length.
    ///   - headers: adds the headers, one call each.
    public mutating func append(
        id: Int64, type: String, timestamp: Int64, correlationID: Span<UInt8> = Span(), body: Span<UInt8>,
        headers: (inout HeaderWriter) -> Void = { _ in }
    ) {
        ids.append(id)
        out.frames.bytes.append(contentsOf: prefix)
        let hasCorrelation = (1...255).contains(correlationID.count)
        let frame = out.frames.beginFrame(FrameWriter.header)
        out.frames.put(UInt32(60 << 16))  // class basic, weight 0
        out.frames.put(UInt64(body.count))
        out.frames.put(Flags.always | (hasCorrelation ? Flags.correlationID : 0))
        out.frames.putShort("application/json")
        let table = out.frames.beginLength()
        headers(&out)
        out.frames.endLength(table)
        out.frames.put(UInt8(2))  // persistent
        if hasCorrelation {
            out.frames.put(UInt8(correlationID.count))
            out.frames.put(correlationID)
        }
        out.frames.putDecimal(id)
        out.frames.put(UInt64(bitPattern: timestamp))
        out.frames.putShort(type)
        out.frames.putShort(appID)
        out.frames.endFrame(frame)
        appendBody(body)
    }

    private mutating func appendBody(_ body: Span<UInt8>) {
        var start = 0
        while start < body.count {
            let end = min(start + Self.bodyFrameLimit, body.count)
            let frame = out.frames.beginFrame(FrameWriter.body)
            out.frames.put(body.extracting(start..<end))
            out.frames.endFrame(frame)
            start = end
        }
    }

    /// The frames, leaving the batch empty.
    consuming func takeFrames() -> [UInt8] { out.frames.bytes }

    private enum Flags {
        static let correlationID: UInt16 = 1 << 10
        /// content_type, headers, delivery_mode, message_id, timestamp, type, app_id
        static let always: UInt16 = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7 | 1 << 6 | 1 << 5 | 1 << 3
    }
}

extension FrameWriter {
    /// A number as a short text in decimal.
    mutating func putDecimal(_ value: Int64) {
        let position = bytes.count
        put(UInt8(0))
        var magnitude = value.magnitude
        repeat {
            put(UInt8(ascii: "0") + UInt8(magnitude % 10))
            magnitude /= 10
        } while magnitude > 0
        if value < 0 { put(UInt8(ascii: "-")) }
        bytes[(position + 1)...].reverse()
        bytes[position] = UInt8(bytes.count - position - 1)
    }
}
