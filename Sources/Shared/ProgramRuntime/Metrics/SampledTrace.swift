/// The trace that an event belongs to, if its `traceparent` says that it is sampled.
public struct SampledTrace: Sendable, Equatable {
    private let context: TraceContext

    /// - Returns: nil for what is not sampled.
    public init?(_ context: TraceContext) {
        guard context.isSampled else { return nil }
        self.context = context
    }

    /// Reads a header `traceparent`. Allocates nothing.
    /// - Returns: nil for what is no `traceparent`, is not sampled, or names no trace.
    public init?(traceparent header: Span<UInt8>) {
        guard let context = TraceContext(traceparent: header) else { return nil }
        self.init(context)
    }

    /// The trace id: its first and its last eight bytes.
    public var trace: (high: UInt64, low: UInt64) { context.trace }
    /// The id of the span that the event came from.
    public var span: UInt64 { context.span }
    /// 32 digits.
    public var traceID: String { context.traceID }
    /// 16 digits.
    public var spanID: String { context.spanID }
}
