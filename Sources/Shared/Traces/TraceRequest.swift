import ProgramRuntime

/// The body of a request to a collector: `ExportTraceServiceRequest` of OTLP 1.
struct TraceRequest {
    let resource: [String: String]
    /// The queue that is published to.
    let queue: String

    /// - Parameter random: gives the ids of the spans, and of traces that begin here.
    func body(_ spans: [OutboxSpan], random: () -> UInt64) -> [UInt8] {
        var request = ProtobufWriter()
        request.message(1) { resourceSpans in
            resourceSpans.message(1) { message in
                for (key, value) in resource.sorted(by: { $0.key < $1.key }) { message.attribute(1, key, value) }
            }
            resourceSpans.message(2) { scope in
                scope.message(1) { $0.text(1, "candlepost") }
                for span in spans { scope.message(2) { write(span, to: &$0, random) } }
            }
        }
        return request.bytes
    }

    private func write(_ span: OutboxSpan, to message: inout ProtobufWriter, _ random: () -> UInt64) {
        let trace = span.isLate ? (high: random() | 1, low: random()) : span.parent.trace
        message.data(1, Self.bytes(trace.high) + Self.bytes(trace.low))
        message.data(2, Self.bytes(random() | 1))
        if !span.isLate { message.data(4, Self.bytes(span.parent.span)) }
        message.text(5, "outbox")
        message.number(6, 1)  // internal
        message.fixed64(7, UInt64(span.createdAt) * 1_000_000)
        message.fixed64(8, UInt64(max(span.createdAt, span.confirmedAt)) * 1_000_000)
        attributes(of: span, to: &message)
        event("committed", at: span.createdAt, to: &message)
        event("confirmed", at: max(span.createdAt, span.confirmedAt), to: &message)
        if span.isLate {
            message.message(13) { link in
                link.data(1, Self.bytes(span.parent.trace.high) + Self.bytes(span.parent.trace.low))
                link.data(2, Self.bytes(span.parent.span))
            }
        }
        message.fixed32(16, 1)  // sampled
    }

    private func attributes(of span: OutboxSpan, to message: inout ProtobufWriter) {
        message.attribute(9, "messaging.system", "rabbitmq")
        message.attribute(9, "messaging.destination.name", queue)
        message.attribute(9, "messaging.message.id", "\(span.id)")
        message.attribute(9, "candlepost.kind", span.kind)
        message.attribute(9, "candlepost.market", Int64(span.market))
        message.attribute(9, "candlepost.attempt", Int64(span.attempt))
        if span.isPossiblyRedelivered { message.attribute(9, "candlepost.possibly_redelivered", true) }
    }

    private func event(_ name: String, at milliseconds: Int64, to message: inout ProtobufWriter) {
        message.message(11) { event in
            event.fixed64(1, UInt64(milliseconds) * 1_000_000)
            event.text(2, name)
        }
    }

    private static func bytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}

extension ProtobufWriter {
    /// A `KeyValue`.
    fileprivate mutating func attribute(_ field: UInt64, _ key: String, _ value: String) {
        message(field) { pair in
            pair.text(1, key)
            pair.message(2) { $0.text(1, value) }
        }
    }

    fileprivate mutating func attribute(_ field: UInt64, _ key: String, _ value: Int64) {
        message(field) { pair in
            pair.text(1, key)
            pair.message(2) { $0.number(3, UInt64(bitPattern: value)) }
        }
    }

    fileprivate mutating func attribute(_ field: UInt64, _ key: String, _ value: Bool) {
        message(field) { pair in
            pair.text(1, key)
            pair.message(2) { $0.number(2, value ? 1 : 0) }
        }
    }
}
