import CRabbitMQ

/// The header frame of a message. Good until the next frame is read.
struct ContentHeader {
    private static let maximumHeaders = 32
    private static let maximumHeaderBytes = 512

    /// The length of the body, in bytes.
    let size: UInt64
    let decoded: UnsafeMutableRawPointer?

    /// The property `message_id` as a number; nil when it is missing or no number.
    var numericMessageID: Int64? {
        guard let properties, properties.pointee.has(AMQP_BASIC_MESSAGE_ID_FLAG) else { return nil }
        return Int64(properties.pointee.message_id.text)
    }

    /// The headers with plain values. The sender is not trusted: what is big or nested is left out.
    var headers: [Header] {
        guard let properties, properties.pointee.has(AMQP_BASIC_HEADERS_FLAG),
            let entries = properties.pointee.headers.entries
        else { return [] }
        let count = min(Int(properties.pointee.headers.num_entries), Self.maximumHeaders)
        return UnsafeBufferPointer(start: entries, count: count).compactMap { entry in
            guard entry.key.len <= Self.maximumHeaderBytes, let value = Self.text(entry.value) else { return nil }
            return Header(name: entry.key.text, value: value)
        }
    }

    private var properties: UnsafeMutablePointer<amqp_basic_properties_t>? {
        decoded?.assumingMemoryBound(to: amqp_basic_properties_t.self)
    }

    private static func text(_ field: amqp_field_value_t) -> String? {
        switch UnicodeScalar(field.kind) {
        case "S", "x":
            let bytes = field.value.bytes
            return bytes.len <= maximumHeaderBytes ? bytes.text : nil
        case "t": return field.value.boolean != 0 ? "true" : "false"
        case "b": return String(field.value.i8)
        case "B": return String(field.value.u8)
        case "s": return String(field.value.i16)
        case "u": return String(field.value.u16)
        case "I": return String(field.value.i32)
        case "i": return String(field.value.u32)
        case "l": return String(field.value.i64)
        case "L", "T": return String(field.value.u64)
        case "f": return String(field.value.f32)
        case "d": return String(field.value.f64)
        default: return nil
        }
    }
}

extension amqp_basic_properties_t {
    func has(_ flag: Int32) -> Bool { _flags & UInt32(flag) != 0 }
}

extension amqp_bytes_t {
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: len) }

    /// The bytes as text, with repairs where they are not UTF-8, and without control characters.
    var text: String {
        let text = String(decoding: buffer, as: UTF8.self)
        guard text.utf8.contains(where: { $0 < 32 || $0 == 127 }) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }))
    }
}
