import ProgramRuntime
import Records
import Storing
import Traces

/// Makes spans of what became of a batch's sampled messages, where somebody wants them.
struct BatchSpans: Sendable {
    /// nil where nobody does.
    let tracer: Tracer?

    /// A part of a batch is committed.
    func note(_ part: BatchPart, _ outcome: StoreTransaction.Outcome) {
        guard let tracer else { return }
        let now = WallClock.milliseconds
        let age = part.batch.firstArrival.map { Int64((.now - $0) / .milliseconds(1)) } ?? 0
        let batch = part.batch
        let record = { (kind: Int, market: Int32?, header: String?, outcome: String) in
            guard let header, let parent = SampledTrace(traceparent: header.utf8Span.span) else { return }
            tracer.record(
                .processed(
                    of: batch.kinds[kind].queue, parent: parent, kind: batch.kinds[kind].name, market: market,
                    outcome: outcome, receivedAt: now - age, committedAt: now))
        }
        for index in part.records {
            let message = batch.records[index]
            let fate = Self.outcome(outcome.revision[index])
            record(message.kind, message.key.market, batch.traceParent(of: message), fate)
        }
        for message in part.refused {
            record(message.kind, message.market, batch.traceParent(of: message), "quarantined")
        }
    }

    private static func outcome(_ revision: Int32) -> String {
        switch revision {
        case 0: "duplicate"
        case 1: "stored"
        default: "revised"
        }
    }
}
