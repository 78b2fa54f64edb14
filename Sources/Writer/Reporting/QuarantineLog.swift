import Logging
import ProgramRuntime
import Records
import Storing

/// Says in the log what went into quarantine: of each reason one message at once, and then one a minute with how many there were
/// between. All of them are in the table.
struct QuarantineLog {
    private let logger: Logger
    private var throttles: [Refusal.Reason: LogThrottle] = [:]

    init(_ logger: Logger) { self.logger = logger }

    /// Notes what was refused of a part that is committed.
    mutating func note(_ part: BatchPart, at now: ContinuousClock.Instant = .now) {
        for refused in part.refused {
            let reason = refused.refusal.reason
            guard
                case .say(let keptBack) = throttles[reason, default: LogThrottle(every: .seconds(60))].report(at: now)
            else { continue }
            var metadata: Logger.Metadata = [
                "queue": "\(part.batch.kinds[refused.kind].queue)", "reason": "\(reason.rawValue)",
            ]
            if let market = refused.market { metadata["market"] = "\(market)" }
            if keptBack > 0 { metadata["more"] = "\(keptBack)" }
            logger.warning(
                "a message went into quarantine: see `writer quarantine list`",
                metadata: metadata.with(
                    part.batch.traceParent(of: refused).flatMap(TraceContext.init(traceparent:))))
        }
    }
}
