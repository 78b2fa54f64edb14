import AMQP
import CoreMetrics
import Logging
import ProgramRuntime
import Records
import Synchronization

/// How often messages came back, where the broker counts that: a message that comes again and again is soon dropped by a queue
/// with a limit, and tells of a writer that is lost again and again.
final class Redeliveries: Sendable {
    private struct State {
        var highest = 0
        var throttle = LogThrottle(every: .seconds(60))
    }

    /// From so many on it is said.
    private static let few = 3

    private let state = Mutex(State())
    private let gauge = Gauge(label: "candlepost_writer_delivery_count_highest")
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
        gauge.record(0)
    }

    /// - Parameter kinds: by ``Delivery/queue``.
    func note(_ batch: DeliveryBatch, kinds: [Int], at now: ContinuousClock.Instant = .now) {
        let returned = batch.deliveries.filter(\.redelivered).max { $0.deliveryCount < $1.deliveryCount }
        guard let returned, returned.deliveryCount > 0 else { return }
        let highest = returned.deliveryCount
        let isToSay = state.withLock { state in
            state.highest = max(state.highest, highest)
            gauge.record(state.highest)
            guard highest >= Self.few, case .say = state.throttle.report(at: now) else { return false }
            return true
        }
        guard isToSay else { return }
        logger.warning(
            "messages are redelivered again and again",
            metadata: [
                "queue": "\(RecordKind.all[kinds[returned.queue]].queue)", "returns": "\(highest)",
            ].with(returned.traceParent.flatMap(TraceContext.init(traceparent:))))
    }
}
