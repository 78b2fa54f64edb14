import Postgres
import Service

/// A row of the outbox as it was read; its bytes stay where the answer has them.
struct OutboxRow: Sendable {
    /// What order is promised for: a market and a kind.
    struct Series: Hashable, Sendable {
        let market: Int32
        let kind: Kind
    }

    /// A record type, told apart by a number so that comparing two costs nothing.
    struct Kind: Hashable, Sendable {
        let number: Int
    }

    let id: Int64
    let series: Series
    /// Milliseconds since 1970.
    let createdAt: Int64
    /// It may have been published already: by an owner of the lane that did not stop in good order, or by this one when
    /// the broker said that it did not take it.
    var isPossiblyRedelivered: Bool
    /// Which attempt this is, from 1 on. Only what is the row's own fault counts.
    let attempt: Int32
    let bodyBytes: Int
    let answer: OutboxAnswer
    /// Its row in the answer.
    let position: Int

    /// The trace of the event, if it has one and that is sampled.
    var sampledTrace: SampledTrace? {
        guard !answer.rows.isNull(position, OutboxReader.Column.traceParent) else { return nil }
        return SampledTrace(traceparent: answer.rows.bytes(position, OutboxReader.Column.traceParent).span)
    }
}

/// One answer of the database, shared by its rows.
final class OutboxAnswer: Sendable {
    let rows: Rows

    init(_ rows: Rows) { self.rows = rows }
}
