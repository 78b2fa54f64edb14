public import Logging

extension Logger.Metadata {
    /// The same with `trace_id` and `span_id`, by which tools find a trace's log lines; as it is for what has no trace.
    public func with(_ trace: TraceContext?) -> Logger.Metadata {
        guard let trace else { return self }
        return merging(["trace_id": "\(trace.traceID)", "span_id": "\(trace.spanID)"]) { $1 }
    }
}
