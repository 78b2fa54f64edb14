import CRabbitMQ

extension Collector.Headers {
    /// Calls `body` with the properties and these headers, which are valid inside only.
    func add(
        to properties: inout amqp_basic_properties_t, _ body: (inout amqp_basic_properties_t) -> Int32
    ) -> Int32 {
        switch self {
        case .none: body(&properties)
        case .traceparent(let value): Self.with([("traceparent", value)], &properties, body)
        case .hostile:
            Self.with(Self.hostileTexts, &properties) { properties in Self.contradict(&properties, body) }
        }
    }

    /// Long, empty, twice, and of names that mean something to brokers and relays.
    private static let hostileTexts = [
        ("traceparent", "00-zz\r\n\u{1}"), ("x-death", "no table"), ("x-market-id", "-1"), ("x-attempt", "many"),
        ("x-possibly-redelivered", ""), ("traceparent", String(repeating: "0", count: 60_000)), ("", ""),
    ]

    /// Properties that contradict the body.
    private static func contradict(
        _ properties: inout amqp_basic_properties_t, _ body: (inout amqp_basic_properties_t) -> Int32
    ) -> Int32 {
        properties._flags |= UInt32(
            AMQP_BASIC_PRIORITY_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG
                | AMQP_BASIC_TIMESTAMP_FLAG)
        properties.priority = 255
        properties.timestamp = .max
        return withAMQPBytes("image/png") { type in
            properties.content_type = type
            properties.message_id = type
            return body(&properties)
        }
    }

    private static func with(
        _ texts: [(String, String)], _ properties: inout amqp_basic_properties_t,
        _ body: (inout amqp_basic_properties_t) -> Int32, entries: [amqp_table_entry_t] = []
    ) -> Int32 {
        guard let (name, value) = texts.first else {
            var entries = entries
            return entries.withUnsafeMutableBufferPointer {
                properties._flags |= UInt32(AMQP_BASIC_HEADERS_FLAG)
                properties.headers = amqp_table_t(num_entries: Int32($0.count), entries: $0.baseAddress)
                return body(&properties)
            }
        }
        return withAMQPBytes(name) { key in
            withAMQPBytes(value) { value in
                var entry = amqp_table_entry_t()
                entry.key = key
                entry.value.kind = UInt8(ascii: "S")
                entry.value.value.bytes = value
                return with(Array(texts.dropFirst()), &properties, body, entries: entries + [entry])
            }
        }
    }
}
