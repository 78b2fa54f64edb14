package import Postgres
package import ProgramRuntime

/// A row of the outbox as it was read; its bytes stay where the answer has them.
package struct OutboxRow: Sendable {
    /// What order is promised for: a market and a kind.
    package struct Series: Hashable, Sendable {
        package let market: Int32
        package let kind: Kind

        package init(market: Int32, kind: Kind) {
            self.market = market
            self.kind = kind
        }
    }

    /// A record type, told apart by a number so that comparing two costs nothing.
    package struct Kind: Hashable, Sendable {
        package let number: Int
    }

    package let id: Int64
    package let series: Series
    /// Milliseconds since 1970.
    package let createdAt: Int64
    /// It may have been published already: by an owner of the lane that did not stop in good order, or by this one when
    /// the broker said that it did not take it.
    package var isPossiblyRedelivered: Bool
    /// Which attempt this is, from 1 on. Only what is the row's own fault counts.
    package var attempt: Int32
    package let bodyBytes: Int
    package let answer: OutboxAnswer
    /// Its row in the answer.
    package let position: Int

    package init(
        id: Int64, series: Series, createdAt: Int64, isPossiblyRedelivered: Bool, attempt: Int32, bodyBytes: Int,
        answer: OutboxAnswer, position: Int
    ) {
        self.id = id
        self.series = series
        self.createdAt = createdAt
        self.isPossiblyRedelivered = isPossiblyRedelivered
        self.attempt = attempt
        self.bodyBytes = bodyBytes
        self.answer = answer
        self.position = position
    }

    /// The trace of the event, if it has one.
    package var trace: TraceContext? {
        guard !answer.rows.isNull(position, OutboxReader.Column.traceParent) else { return nil }
        return TraceContext(traceparent: answer.rows.bytes(position, OutboxReader.Column.traceParent).span)
    }
}

/// A row that leaves, and the announcement of its market and kind that it follows; nil if it begins a chain.
package struct Departure: Sendable {
    package let row: OutboxRow
    package let previousID: Int64?

    package init(row: OutboxRow, previousID: Int64?) {
        self.row = row
        self.previousID = previousID
    }
}

/// One answer of the database, shared by its rows.
package final class OutboxAnswer: Sendable {
    package let rows: Rows

    package init(_ rows: Rows) { self.rows = rows }
}
