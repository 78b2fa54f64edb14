package import AMQP
import Postgres
import Records

/// Turns outbox rows into messages.
package struct MessageEncoder {
    private let queue: String
    /// Names of record types by number. Those that this program knows come first; newer ones are added as they are met.
    private var kindNames = RecordKind.all.map(\.name)

    package init(queue: String) { self.queue = queue }

    package mutating func kind(named bytes: ArraySlice<UInt8>) -> OutboxRow.Kind {
        let name = String(decoding: bytes, as: UTF8.self)
        if let number = kindNames.firstIndex(of: name) { return OutboxRow.Kind(number: number) }
        kindNames.append(name)
        return OutboxRow.Kind(number: kindNames.count - 1)
    }

    package func encode(_ rows: some Collection<OutboxRow>) -> PublishBatch {
        encode(rows.lazy.map { Departure(row: $0, previousID: nil) })
    }

    package func encode(_ departures: some Collection<Departure>) -> PublishBatch {
        let bytes = departures.reduce(0) { $0 + $1.row.bodyBytes }
        let count = departures.count
        var batch = PublishBatch(queue: queue, messages: count, bytesEach: bytes / max(1, count))
        for departure in departures { append(departure, to: &batch) }
        return batch
    }

    /// Headers that would say nothing are left out; docs/messages.md has them all.
    private func append(_ departure: Departure, to batch: inout PublishBatch) {
        let row = departure.row
        let rows = row.answer.rows
        let trace = rows.bytesIfPresent(row.position, OutboxReader.Column.traceID)
        let body = rows.bytes(row.position, OutboxReader.Column.body)
        batch.append(
            id: row.id, type: kindNames[row.series.kind.number], timestamp: row.createdAt / 1000,
            correlationID: trace.span, body: body.span
        ) { headers in
            headers.add("x-market-id", row.series.market)
            if let previous = departure.previousID { headers.add("x-previous-id", decimal: previous) }
            if !rows.isNull(row.position, OutboxReader.Column.revision) {
                headers.add("x-revision", rows.int4(row.position, OutboxReader.Column.revision))
            }
            if row.attempt > 1 { headers.add("x-attempt", row.attempt) }
            if row.isPossiblyRedelivered { headers.add("x-possibly-redelivered", true) }
            if !rows.isNull(row.position, OutboxReader.Column.traceParent) {
                headers.add("traceparent", rows.bytes(row.position, OutboxReader.Column.traceParent).span)
            }
        }
    }
}

extension Rows {
    /// The bytes of a value, none for NULL.
    fileprivate func bytesIfPresent(_ row: Int, _ column: Int) -> ArraySlice<UInt8> {
        isNull(row, column) ? [] : bytes(row, column)
    }
}
