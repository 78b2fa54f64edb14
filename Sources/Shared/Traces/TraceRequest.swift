import ProgramRuntime

/// The body of a request to a collector: `ExportTraceServiceRequest` of OTLP 1.
struct TraceRequest {
    let resource: [String: String]

    /// - Parameter random: gives the ids of the spans, and of traces that begin here.
    func body(_ spans: [EventSpan], random: () -> UInt64) -> [UInt8] {
        var request = ProtobufWriter()
        request.message(1) { resourceSpans in
            resourceSpans.message(1) { message in
                for (key, value) in resource.sorted(by: { $0.key < $1.key }) { message.attribute(1, key, .text(value)) }
            }
            resourceSpans.message(2) { scope in
                scope.message(1) { $0.text(1, "candlepost") }
                for span in spans { scope.message(2) { write(span, to: &$0, random) } }
            }
        }
        return request.bytes
    }

    private func write(_ span: EventSpan, to message: inout ProtobufWriter, _ random: () -> UInt64) {
        let trace = span.isLate ? (high: random() | 1, low: random()) : span.parent.trace
        message.data(1, Self.bytes(trace.high) + Self.bytes(trace.low))
        message.data(2, Self.bytes(random() | 1))
        if !span.isLate { message.data(4, Self.bytes(span.parent.span)) }
        message.text(5, span.name)
        message.number(6, span.role.rawValue)
        message.fixed64(7, UInt64(span.start) * 1_000_000)
        message.fixed64(8, UInt64(span.end) * 1_000_000)
        for (key, value) in span.attributes { message.attribute(9, key, value) }
        for moment in span.moments {
            message.message(11) { event in
                event.fixed64(1, UInt64(moment.time) * 1_000_000)
                event.text(2, moment.name)
            }
        }
        if span.isLate {
            message.message(13) { link in
                link.data(1, Self.bytes(span.parent.trace.high) + Self.bytes(span.parent.trace.low))
                link.data(2, Self.bytes(span.parent.span))
            }
        }
        message.fixed32(16, 1)  // sampled
    }

    private static func bytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}

extension ProtobufWriter {
    /// A `KeyValue`.
    fileprivate mutating func attribute(_ field: UInt64, _ key: String, _ value: EventSpan.Value) {
        message(field) { pair in
            pair.text(1, key)
            pair.message(2) { content in
                switch value {
                case .text(let text): content.text(1, text)
                case .flag(let flag): content.number(2, flag ? 1 : 0)
                case .number(let number): content.number(3, UInt64(bitPattern: number))
                }
            }
        }
    }
}
