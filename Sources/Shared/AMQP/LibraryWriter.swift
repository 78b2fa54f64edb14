import CRabbitMQ

/// Writes encoded frames by way of the library, for TLS: only the library can reach into its OpenSSL session.
///
/// The library takes no bytes but its own structures, so each frame is decoded again. That costs a few microseconds a
/// message, beside which TLS costs more.
enum LibraryWriter {
    /// Blocks until the socket has taken everything.
    static func send(_ frames: [UInt8], to handle: borrowing BrokerHandle) throws(AMQPError) {
        var pool = amqp_pool_t()
        init_amqp_pool(&pool, 4096)
        defer { empty_amqp_pool(&pool) }
        let raw = handle.raw
        let status = frames.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while rest.count >= 8 {
                let size = Int(rest.load(UInt32.self, at: 3))
                let payload = UnsafeRawBufferPointer(rebasing: rest.dropFirst(7).prefix(size))
                let status = send(rest[rest.startIndex], rest.load(UInt16.self, at: 1), payload, raw, &pool)
                guard status == AMQP_STATUS_OK.rawValue else { return status }
                recycle_amqp_pool(&pool)
                rest = rest.dropFirst(7 + size + 1)
            }
            return AMQP_STATUS_OK.rawValue
        }
        guard status == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(.connectionLost, "cannot send to the broker: \(AMQPError.text(status))")
        }
    }

    private static func send(
        _ type: UInt8, _ channel: UInt16, _ payload: UnsafeRawBufferPointer, _ raw: amqp_connection_state_t,
        _ pool: inout amqp_pool_t
    ) -> Int32 {
        var frame = amqp_frame_t()
        frame.frame_type = .init(type)
        frame.channel = channel
        var status = AMQP_STATUS_OK.rawValue
        switch type {
        case FrameWriter.method:
            frame.payload.method.id = payload[...].load(UInt32.self, at: 0)
            status = amqp_decode_method(
                frame.payload.method.id, &pool, payload.dropFirst(4).libraryBytes, &frame.payload.method.decoded)
        case FrameWriter.header:
            frame.payload.properties.class_id = payload[...].load(UInt16.self, at: 0)
            frame.payload.properties.body_size = payload[...].load(UInt64.self, at: 4)
            status = amqp_decode_properties(
                frame.payload.properties.class_id, &pool, payload.dropFirst(12).libraryBytes,
                &frame.payload.properties.decoded)
        case FrameWriter.body:
            frame.payload.body_fragment = payload[...].libraryBytes
        default: break
        }
        return status == AMQP_STATUS_OK.rawValue ? amqp_send_frame(raw, &frame) : status
    }
}

extension Slice<UnsafeRawBufferPointer> {
    fileprivate func load<Integer: FixedWidthInteger>(_: Integer.Type, at offset: Int) -> Integer {
        Integer(
            bigEndian: UnsafeRawBufferPointer(rebasing: self).loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    fileprivate var libraryBytes: amqp_bytes_t {
        let bytes = UnsafeRawBufferPointer(rebasing: self)
        return amqp_bytes_t(len: bytes.count, bytes: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}
