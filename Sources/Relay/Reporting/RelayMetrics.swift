import CoreMetrics
import Outbox
import ProgramRuntime
import Records
import Traces

/// The relay's metrics, made once; docs/metrics.md lists them.
struct RelayMetrics: Sendable {
    private let published = PublishedCounters()
    /// Takes the spans of sampled events; nil where nobody wants any.
    let tracer: Tracer?
    /// The output queue.
    let queue: String
    private let delivery = TracedTimer(label: "candlepost_relay_delivery_seconds")
    let refused = Counter(label: "candlepost_relay_rows_refused_total")
    let returned = Counter(label: "candlepost_relay_rows_returned_total")
    let wokenByDoorbell = Counter(label: "candlepost_relay_wakeups_total", dimensions: [("by", "doorbell")])
    let wokenByPoll = Counter(label: "candlepost_relay_wakeups_total", dimensions: [("by", "poll")])
    let parked = Counter(label: "candlepost_relay_rows_parked_total")
    let outputReady = Gauge(label: "candlepost_relay_output_ready")
    let lanesOwned = Gauge(label: "candlepost_relay_lanes_owned")
    private let pending = Gauge(label: "candlepost_relay_rows_pending")
    private let lag = Gauge(label: "candlepost_relay_lag_seconds")
    private let parkedNow = Gauge(label: "candlepost_relay_rows_parked")

    /// The broker has the row.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - way: how long ago it was published.
    func confirmed(_ row: OutboxRow, at now: Int64, after way: @autoclosure () -> Duration) {
        published.increment(row.recordType)
        let trace = row.trace.flatMap(SampledTrace.init)
        delivery.record(seconds: Double(max(0, now - row.createdAt)) / 1000, of: trace, at: Double(now) / 1000)
        guard let tracer, let trace else { return }
        tracer.record(
            .outbox(
                to: queue, parent: trace, id: row.id,
                kind: RecordKind.named(String(decoding: row.recordType, as: UTF8.self))?.name
                    ?? PublishedCounters.other,
                market: row.series.market, attempt: row.attempt, isPossiblyRedelivered: row.isPossiblyRedelivered,
                createdAt: row.createdAt, publishedAt: now - Int64(way() / .milliseconds(1)), confirmedAt: now))
    }

    func report(_ report: PendingReport) {
        parkedNow.record(report.parked)
        pending.record(report.rows)
        lag.record(report.oldestAge)
    }
}

extension RelayMetrics {
    /// What each metric means, as Prometheus shows it.
    static let descriptions: [MetricDescription] = [
        MetricDescription(
            "candlepost_relay_rows_published_total", .counter, "Rows that the broker confirmed, by kind."),
        MetricDescription(
            "candlepost_relay_delivery_seconds", .histogram,
            "From the row's transaction, by the database's clock, to the broker's confirm, by this one's."),
        MetricDescription(
            "candlepost_relay_rows_parked", .gauge, "Rows that are parked now, of all relays; exact up to 10,000."),
        MetricDescription(
            "candlepost_relay_rows_refused_total", .counter, "Publishes that the broker refused; they are repeated."),
        MetricDescription(
            "candlepost_relay_rows_returned_total", .counter,
            "Publishes that no queue took; they are repeated."),
        MetricDescription(
            "candlepost_relay_rows_parked_total", .counter,
            "Rows put aside because the broker rejects them; `relay parked list` names them."),
        MetricDescription(
            "candlepost_relay_wakeups_total", .counter, "Looks at the log, by what caused them: doorbell or poll."),
        MetricDescription(
            "candlepost_relay_output_ready", .gauge,
            "0 while lanes wait for the broker or the output queue: missing, full, blocked, or without confirms."),
        MetricDescription("candlepost_relay_lanes_owned", .gauge, "Lanes that this relay publishes for, of 16."),
        MetricDescription(
            "candlepost_relay_rows_pending", .gauge,
            "Rows not yet published, of all relays; an estimate above 1,000 in a lane."),
        MetricDescription(
            "candlepost_relay_lag_seconds", .gauge, "Age of the oldest row not yet published, 0 if there is none."),
    ]
}
