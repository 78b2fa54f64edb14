import CRabbitMQ

/// One message as it came out of the output queue.
struct Announcement: Sendable {
    /// A property or header, told apart by its type on the wire.
    enum Value: Hashable, Sendable {
        case text(String)
        case number(Int64)
        case bool(Bool)
        case other(UInt8)
    }

    /// `message_id`, the outbox id.
    let id: Int64
    var body: [UInt8]
    /// The broker says that it sent this copy of the message before.
    let isRedelivered: Bool
    /// The properties that are there, by their names in the protocol.
    let properties: [String: Value]
    let headers: [String: Value]

    /// The announcement before it of its market and kind; nil where a relay begins.
    var previousID: Int64? {
        guard case .text(let text)? = headers["x-previous-id"] else { return nil }
        return Int64(text)
    }

    /// Whether an operator had it published again, or a row that the broker rejected for what is in it: outside the order.
    var isRetried: Bool { headers["x-attempt"] != nil }

    init(id: Int64, body: [UInt8], isRedelivered: Bool = false, headers: [String: Value] = [:]) {
        (self.id, self.body, self.isRedelivered) = (id, body, isRedelivered)
        (properties, self.headers) = ([:], headers)
    }

    init(_ envelope: amqp_envelope_t) {
        let all = envelope.message.properties
        properties = Self.properties(all)
        id = if case .text(let text)? = properties["message_id"] { Int64(text) ?? -1 } else { -1 }
        body = envelope.message.body.array
        isRedelivered = envelope.redelivered != 0
        let hasHeaders = all._flags & UInt32(AMQP_BASIC_HEADERS_FLAG) != 0
        let entries = UnsafeBufferPointer(
            start: all.headers.entries, count: hasHeaders ? Int(all.headers.num_entries) : 0)
        headers = Dictionary(
            entries.map { ($0.key.string, Self.value($0.value)) }, uniquingKeysWith: { first, _ in first })
    }

    private static func properties(_ all: amqp_basic_properties_t) -> [String: Value] {
        let candidates: [(String, Int32, Value)] = [
            ("content_type", AMQP_BASIC_CONTENT_TYPE_FLAG, .text(all.content_type.string)),
            ("delivery_mode", AMQP_BASIC_DELIVERY_MODE_FLAG, .number(Int64(all.delivery_mode))),
            ("correlation_id", AMQP_BASIC_CORRELATION_ID_FLAG, .text(all.correlation_id.string)),
            ("message_id", AMQP_BASIC_MESSAGE_ID_FLAG, .text(all.message_id.string)),
            ("timestamp", AMQP_BASIC_TIMESTAMP_FLAG, .number(Int64(bitPattern: all.timestamp))),
            ("type", AMQP_BASIC_TYPE_FLAG, .text(all.type.string)),
            ("app_id", AMQP_BASIC_APP_ID_FLAG, .text(all.app_id.string)),
            ("expiration", AMQP_BASIC_EXPIRATION_FLAG, .text(all.expiration.string)),
            ("reply_to", AMQP_BASIC_REPLY_TO_FLAG, .text(all.reply_to.string)),
        ]
        let present = candidates.filter { all._flags & UInt32($0.1) != 0 }
        return Dictionary(uniqueKeysWithValues: present.map { ($0.0, $0.2) })
    }

    private static func value(_ field: amqp_field_value_t) -> Value {
        switch UnicodeScalar(field.kind) {
        case "S": .text(field.value.bytes.string)
        case "t": .bool(field.value.boolean != 0)
        case "I": .number(Int64(field.value.i32))
        case "l": .number(field.value.i64)
        default: .other(field.kind)
        }
    }
}
