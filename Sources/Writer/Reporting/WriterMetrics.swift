import AMQP
import CoreMetrics
import ProgramRuntime
import Records
import Storing

/// The writer's metrics, made once; docs/metrics.md lists them.
struct WriterMetrics: Sendable {
    private let receivedCounters = KindCounters("candlepost_writer_messages_received_total")
    private let stored = KindCounters("candlepost_writer_records_stored_total")
    private let revised = KindCounters("candlepost_writer_records_revised_total")
    private let duplicateSame = KindCounters("candlepost_writer_duplicates_total", [("content", "same")])
    private let duplicateOther = KindCounters("candlepost_writer_duplicates_total", [("content", "other")])
    private let quarantined: [Refusal.Reason: Counter]
    private let batches = Counter(label: "candlepost_writer_batches_total")
    private let batchMessages = Recorder(label: "candlepost_writer_batch_messages", aggregate: true)
    private let quarantineOpen: [Refusal.Reason: Gauge]
    let idsAhead = Gauge(label: "candlepost_outbox_ids_ahead")

    init() {
        quarantineOpen = Dictionary(
            uniqueKeysWithValues: Refusal.Reason.allCases.map {
                ($0, Gauge(label: "candlepost_quarantine_open", dimensions: [("reason", $0.rawValue)]))
            })
        quarantined = Dictionary(
            uniqueKeysWithValues: Refusal.Reason.allCases.map {
                ($0, Counter(label: "candlepost_writer_quarantined_total", dimensions: [("reason", $0.rawValue)]))
            })
    }

    /// - Parameter open: how many messages are in quarantine, by reason.
    func quarantine(open: [Refusal.Reason: Int64]) {
        for (reason, count) in open { quarantineOpen[reason]?.record(count) }
    }

    func received(_ batch: DeliveryBatch, kinds: [Int]) {
        batchMessages.record(batch.deliveries.count)
        var counts = [Int](repeating: 0, count: RecordKind.all.count)
        for delivery in batch.deliveries { counts[kinds[delivery.queue]] += 1 }
        receivedCounters.increment(by: counts)
    }

    func record(_ result: StoreResult) {
        batches.increment()
        stored.increment(by: result.stored)
        revised.increment(by: result.revised)
        duplicateSame.increment(by: result.duplicateSame)
        duplicateOther.increment(by: result.duplicateOther)
        for (reason, count) in result.quarantined { quarantined[reason]?.increment(by: count) }
    }
}

extension WriterMetrics {
    /// What each metric means, as Prometheus shows it.
    static let descriptions: [MetricDescription] = [
        MetricDescription(
            "candlepost_writer_messages_received_total", .counter, "Messages taken from the queues, by kind."),
        MetricDescription(
            "candlepost_writer_records_stored_total", .counter, "Records stored with their outbox row, by kind."),
        MetricDescription(
            "candlepost_writer_records_revised_total", .counter,
            "Records that replaced an earlier version, with their outbox row, by kind."),
        MetricDescription(
            "candlepost_writer_duplicates_total", .counter,
            "Messages whose record was stored before, by kind; content is same or other than what is stored."),
        MetricDescription(
            "candlepost_writer_quarantined_total", .counter, "Messages that can't be a record, by reason."),
        MetricDescription("candlepost_writer_batches_total", .counter, "Batches stored."),
        MetricDescription(
            "candlepost_writer_batch_messages", .histogram, "Messages of a batch, as it was taken from the queues.",
            buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]),
        MetricDescription(
            "candlepost_writer_commit_seconds", .histogram,
            "From the first statement of a transaction to the answer to its COMMIT; of those that succeeded."),
        MetricDescription(
            "candlepost_quarantine_open", .gauge,
            "Messages in quarantine that nobody has dealt with, of all writers, by reason; exact up to 10,000."),
        MetricDescription(
            "candlepost_writer_queue_drops_returned", .gauge,
            "1 for an input queue that drops a message that came back too often, as it was seen before it was consumed."
        ),
        MetricDescription(
            "candlepost_writer_delivery_count_highest", .gauge,
            "How often a message came back at most since the start, where the broker counts it."),
        MetricDescription(
            "candlepost_outbox_ids_ahead", .gauge, "Ids for which there are partitions of the outbox, beyond the last."),
    ]
}
