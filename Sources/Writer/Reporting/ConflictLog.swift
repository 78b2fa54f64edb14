import Logging
import ProgramRuntime
import Records
import Storing

/// Says in the log that records came with other content than is stored: of each kind one at once, and then one a minute with how
/// many there were between. All of them are in the table.
struct ConflictLog {
    private let logger: Logger
    private var throttles: [String: LogThrottle] = [:]
    /// By kind: how many there were since the last was said.
    private var kept: [String: Int] = [:]

    init(_ logger: Logger) { self.logger = logger }

    /// Notes what a part that is committed has of them.
    mutating func note(
        _ outcome: StoreTransaction.Outcome, of batch: PreparedBatch, at now: ContinuousClock.Instant = .now
    ) {
        for index in outcome.conflicts {
            let record = batch.records[index]
            let kind = batch.kinds[record.kind].name
            kept[kind, default: 0] += outcome.result.duplicateOther[record.kind]
            guard case .say = throttles[kind, default: LogThrottle(every: .seconds(60))].report(at: now) else {
                continue
            }
            let more = (kept.removeValue(forKey: kind) ?? 1) - 1
            var metadata: Logger.Metadata = ["kind": "\(kind)", "market": "\(record.key.market)"]
            if more > 0 { metadata["more"] = "\(more)" }
            logger.warning(
                "a record contradicts the one that is stored: see `writer conflicts list`",
                metadata: metadata.with(batch.traceParent(of: record).flatMap(TraceContext.init(traceparent:))))
        }
    }
}
