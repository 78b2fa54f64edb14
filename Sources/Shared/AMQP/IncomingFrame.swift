import CRabbitMQ

/// A frame from the broker. Pointers in it are good until the next frame is read.
enum IncomingFrame {
    case deliver(tag: UInt64, queue: Int, redelivered: Bool)
    case header(ContentHeader)
    case body(UnsafeRawBufferPointer)
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool)
    case returned(code: UInt16, text: String)
    case cancelled(consumer: Int)
    case cancelOK
    case channelClose(code: UInt16, text: String)
    case channelCloseOK
    case connectionClose(code: UInt16, text: String)
    case connectionCloseOK
    case blocked(reason: String)
    case unblocked
    /// Something that this module has no use for.
    case other

    init(_ frame: amqp_frame_t) {
        switch UInt8(truncatingIfNeeded: frame.frame_type) {
        case FrameWriter.method:
            self = Self.method(frame.payload.method)
        case FrameWriter.header:
            let properties = frame.payload.properties
            self = .header(ContentHeader(size: properties.body_size, decoded: properties.decoded))
        case FrameWriter.body:
            self = .body(frame.payload.body_fragment.buffer)
        default:
            self = .other
        }
    }

    static func method(_ method: amqp_method_t) -> IncomingFrame {
        guard let decoded = method.decoded else { return .other }
        switch method.id {
        case MethodID.basicDeliver:
            let deliver = decoded.load(as: amqp_basic_deliver_t.self)
            return .deliver(
                tag: deliver.delivery_tag, queue: Self.consumer(deliver.consumer_tag),
                redelivered: deliver.redelivered != 0)
        case MethodID.basicAck:
            let ack = decoded.load(as: amqp_basic_ack_t.self)
            return .ack(tag: ack.delivery_tag, multiple: ack.multiple != 0)
        case MethodID.basicNack:
            let nack = decoded.load(as: amqp_basic_nack_t.self)
            return .nack(tag: nack.delivery_tag, multiple: nack.multiple != 0)
        case MethodID.basicReturn:
            let returned = decoded.load(as: amqp_basic_return_t.self)
            return .returned(code: returned.reply_code, text: returned.reply_text.text)
        default:
            return rareMethod(method.id, decoded)
        }
    }

    private static func rareMethod(_ id: UInt32, _ decoded: UnsafeMutableRawPointer) -> IncomingFrame {
        switch id {
        case MethodID.basicCancel:
            return .cancelled(consumer: consumer(decoded.load(as: amqp_basic_cancel_t.self).consumer_tag))
        case MethodID.basicCancelOK:
            return .cancelOK
        case MethodID.channelClose:
            let close = decoded.load(as: amqp_channel_close_t.self)
            return .channelClose(code: close.reply_code, text: close.reply_text.text)
        case MethodID.channelCloseOK:
            return .channelCloseOK
        case MethodID.connectionClose:
            let close = decoded.load(as: amqp_connection_close_t.self)
            return .connectionClose(code: close.reply_code, text: close.reply_text.text)
        case MethodID.connectionCloseOK:
            return .connectionCloseOK
        case MethodID.connectionBlocked:
            return .blocked(reason: decoded.load(as: amqp_connection_blocked_t.self).reason.text)
        case MethodID.connectionUnblocked:
            return .unblocked
        default:
            return .other
        }
    }

    /// Consumer tags are the indexes of their queues, in decimal; anything else gives -1.
    private static func consumer(_ tag: amqp_bytes_t) -> Int {
        guard (1...4).contains(tag.len) else { return -1 }
        var index = 0
        for byte in tag.buffer {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return -1 }
            index = index * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return index
    }
}
