import CoreMetrics
import Dispatch
import Glibc
public import Logging
public import ProgramRuntime
import Synchronization

/// Takes spans and sends them to a collector, a second after they came at the latest. Never holds up who gives them: what there is no room for is
/// dropped and counted.
public final class Tracer: Sendable {
    /// The most spans that wait.
    static let capacity = 2048

    private let settings: TraceSettings
    private let request: TraceRequest
    private let logger: Logger
    private let waiting = Mutex<[EventSpan]>([])
    private let dropped = Counter(label: "candlepost_spans_dropped_total")
    private let exported = Counter(label: "candlepost_spans_exported_total")

    public init(_ settings: TraceSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
        request = TraceRequest(resource: settings.resource)
    }

    /// Takes a span; returns at once.
    public func record(_ span: EventSpan) {
        let fits = waiting.withLock { spans in
            guard spans.count < Self.capacity else { return false }
            spans.append(span)
            return true
        }
        if !fits { dropped.increment() }
    }

    /// Sends until it is cancelled, and then once more.
    public func run() async {
        let refusals = LogThrottleOnce()
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            // The end of the program waits for no collector.
            let timeout = Task.isCancelled ? min(settings.timeout, .seconds(1)) : settings.timeout
            await sendWaiting(within: timeout, refusals)
        }
    }

    private func sendWaiting(within timeout: Duration, _ refusals: LogThrottleOnce) async {
        let spans = waiting.withLock { spans in
            defer { spans.removeAll(keepingCapacity: true) }
            return spans
        }
        guard !spans.isEmpty else { return }
        let post = TracePost(settings, timeout: timeout, body: request.body(spans) { UInt64.random(in: .min ... .max) })
        // Sockets that block, so not on the pool of tasks.
        let problem = await withCheckedContinuation { continuation in
            DispatchQueue(label: "traces").async { continuation.resume(returning: post.send()) }
        }
        guard let problem else {
            exported.increment(by: spans.count)
            return refusals.recovered()
        }
        dropped.increment(by: spans.count)
        refusals.say { logger.warning("spans cannot be exported, dropped", metadata: ["reason": "\(problem)"]) }
    }
}

/// Says a thing once, until it is over.
private final class LogThrottleOnce: Sendable {
    private let isSaid = Atomic(false)

    func say(_ log: () -> Void) { if !isSaid.exchange(true, ordering: .relaxed) { log() } }
    func recovered() { isSaid.store(false, ordering: .relaxed) }
}

extension Tracer {
    /// What its metrics mean.
    public static let descriptions = [
        MetricDescription("candlepost_spans_exported_total", .counter, "Spans that the collector took."),
        MetricDescription(
            "candlepost_spans_dropped_total", .counter, "Spans that were dropped: no room, or no collector."),
    ]
}
