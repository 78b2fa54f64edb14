/// What the broker says in one frame. Pointers in it are good until the next frame is read.
enum IncomingFrame {
    // The set-up.
    case start(mechanisms: UnsafeRawBufferPointer, properties: HeaderTable)
    case tune(channels: UInt16, frameBytes: UInt32, heartbeat: UInt16)
    case openOK
    case channelOpenOK
    case declareOK(messages: Int, consumers: Int)
    case qosOK
    case consumeOK
    case selectOK
    case recoverOK
    // Messages and their settlement.
    case deliver(tag: UInt64, redelivered: Bool)
    case header(ContentHeader)
    case body(UnsafeRawBufferPointer)
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool)
    case returned(code: UInt16, text: String)
    // The end, and the like.
    case cancelled
    case cancelOK
    case channelClose(code: UInt16, text: String)
    case channelCloseOK
    case connectionClose(code: UInt16, text: String)
    case connectionCloseOK
    case blocked(reason: String)
    case unblocked
    case heartbeat

    /// - Throws: ``FieldReader/Malformed`` for what is no frame that a broker sends to this program, or on a channel where it
    ///   has no business.
    init(_ frame: RawFrame) throws(FieldReader.Malformed) {
        var fields = FieldReader(frame.payload)
        switch frame.type {
        case FrameWriter.method:
            let id = try fields.integer(UInt32.self)
            guard (id >> 16 == 10) == (frame.channel == 0) else { throw FieldReader.Malformed() }
            self =
                switch id >> 16 {
                case 60: try Self.basic(id, &fields)
                case 10: try Self.connection(id, &fields)
                default: try Self.other(id, &fields)
                }
        case FrameWriter.header where frame.channel != 0: self = .header(try ContentHeader(&fields))
        case FrameWriter.body where frame.channel != 0: self = .body(frame.payload)
        case FrameWriter.heartbeat where frame.channel == 0: self = .heartbeat
        default: throw FieldReader.Malformed()
        }
    }

    private static func basic(_ id: UInt32, _ fields: inout FieldReader) throws(FieldReader.Malformed) -> IncomingFrame
    {
        switch id {
        case MethodID.basicDeliver:
            _ = try fields.shortText()  // the consumer: there is one on each channel
            return .deliver(tag: try fields.integer(), redelivered: try fields.bit())
        case MethodID.basicAck: return .ack(tag: try fields.integer(), multiple: try fields.bit())
        case MethodID.basicNack: return .nack(tag: try fields.integer(), multiple: try fields.bit())
        case MethodID.basicReturn: return .returned(code: try fields.integer(), text: try fields.shortText().text)
        case MethodID.basicQosOK: return .qosOK
        case MethodID.basicConsumeOK: return .consumeOK
        case MethodID.basicRecoverOK: return .recoverOK
        case MethodID.basicCancel: return .cancelled
        case MethodID.basicCancelOK: return .cancelOK
        default: throw FieldReader.Malformed()
        }
    }

    private static func connection(
        _ id: UInt32, _ fields: inout FieldReader
    ) throws(FieldReader.Malformed) -> IncomingFrame {
        switch id {
        case MethodID.connectionStart:
            guard try fields.integer(UInt16.self) == 0x0009 else { throw FieldReader.Malformed() }  // version 0-9(-1)
            let properties = HeaderTable(try fields.long())
            return .start(mechanisms: try fields.long(), properties: properties)
        case MethodID.connectionTune:
            return .tune(
                channels: try fields.integer(), frameBytes: try fields.integer(), heartbeat: try fields.integer())
        case MethodID.connectionOpenOK: return .openOK
        case MethodID.connectionClose:
            return .connectionClose(code: try fields.integer(), text: try fields.shortText().text)
        case MethodID.connectionCloseOK: return .connectionCloseOK
        case MethodID.connectionBlocked: return .blocked(reason: try fields.shortText().text)
        case MethodID.connectionUnblocked: return .unblocked
        default: throw FieldReader.Malformed()
        }
    }

    private static func other(_ id: UInt32, _ fields: inout FieldReader) throws(FieldReader.Malformed) -> IncomingFrame
    {
        switch id {
        case MethodID.channelOpenOK: return .channelOpenOK
        case MethodID.channelClose: return .channelClose(code: try fields.integer(), text: try fields.shortText().text)
        case MethodID.channelCloseOK: return .channelCloseOK
        case MethodID.queueDeclareOK:
            _ = try fields.shortText()
            return .declareOK(
                messages: Int(try fields.integer(UInt32.self)), consumers: Int(try fields.integer(UInt32.self)))
        case MethodID.confirmSelectOK: return .selectOK
        default: throw FieldReader.Malformed()
        }
    }
}
