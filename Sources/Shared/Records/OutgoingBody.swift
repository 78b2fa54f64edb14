/// The message that leaves: the shape that the gateway reads, with `payload` byte for byte as it came.
public enum OutgoingBody {
    /// Calls `append` with the pieces of the body, in order; together they are
    /// `{"exchange":…,"symbol":…,"payload":…,"type":"CandleStick","collectorTraceId":…}`.
    /// - Parameter type: the name of the record's kind.
    @inlinable
    public static func pieces(
        of record: PreparedBatch.Record, type: String, in bytes: Span<UInt8>, _ append: (Span<UInt8>) -> Void
    ) {
        literal("{\"exchange\":", append)
        append(bytes.extracting(record.exchange))
        literal(",\"symbol\":", append)
        append(bytes.extracting(record.symbol))
        literal(",\"payload\":", append)
        append(bytes.extracting(record.payload))
        literal(",\"type\":\"", append)
        append(type.utf8Span.span)
        literal("\"", append)
        if let traceID = record.traceID {
            literal(",\"collectorTraceId\":", append)
            append(bytes.extracting(traceID))
        }
        literal("}", append)
    }

    @inlinable
    static func literal(_ text: StaticString, _ append: (Span<UInt8>) -> Void) {
        append(Span(_unsafeStart: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
