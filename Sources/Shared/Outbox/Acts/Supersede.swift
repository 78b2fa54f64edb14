import Candlepost
package import Postgres
import Schema

extension RowCursor.Source {
    /// Pending rows that a newer pending one of the same market and kind follows, with the columns of the audit view.
    package static let overtaken = RowCursor.Source(
        sql: """
            (SELECT p.*, m.symbol, e.external_exchange_id AS exchange, 'pending'::text AS state, 0 AS attempts
             FROM (SELECT o.*, max(o.id) OVER (PARTITION BY o.market_id, o.record_type) AS newest_id
                   FROM generate_series(0, 15) AS l(n)
                   CROSS JOIN LATERAL (SELECT coalesce((SELECT upto_id FROM outbox_deliveries WHERE lane = l.n::smallint
                                                        ORDER BY after_id DESC LIMIT 1), 0) AS upto_id) chain
                   CROSS JOIN LATERAL (SELECT id, lane, record_type, market_id, trace_id, created_at FROM outbox
                                       WHERE lane = l.n::smallint AND id > chain.upto_id) o
                   WHERE NOT EXISTS (SELECT FROM outbox_exceptions x WHERE x.outbox_id = o.id)) p
             LEFT JOIN markets m ON m.id = p.market_id LEFT JOIN exchanges e ON e.id = m.exchange_id
             WHERE p.id < p.newest_id)
            """)
}

/// Marks pending rows as superseded, beside relays that are at work.
///
/// A relay that reads the log goes past such rows. What makes it safe is that a row is either behind the end of its lane's
/// chain, and then it is left alone, or noted as superseded before the chain can reach it: relays can't extend any chain
/// while rows are noted.
package struct Supersede {
    /// How many rows are noted while relays wait: some tenths of a second.
    package static let portion = 20_000
    private static let tries = 3

    let record: ActRecord
    let cursor: RowCursor
    let reason: String?

    package init(record: ActRecord, cursor: RowCursor, reason: String?) {
        self.record = record
        self.cursor = cursor
        self.reason = reason
    }

    /// Chooses the rows of a selection that have a newer one.
    package static func rows(
        _ filter: OutboxFilter, on connection: PostgresConnection
    ) async throws -> RowCursor {
        try await RowCursor.open(filter.selection(), from: .overtaken, order: "lane, id", on: connection)
    }

    /// How many rows of each kind those are.
    package static func counts(
        _ filter: OutboxFilter, on connection: PostgresConnection
    ) async throws -> [(kind: String, rows: Int64)] {
        let selection = try filter.selection()
        let answer = try await connection.execute(
            """
            SELECT record_type, count(*) FROM \(RowCursor.Source.overtaken.sql) AS overtaken \(selection.clause)
            GROUP BY 1 ORDER BY 1
            """, selection.parameters)
        return try answer.map { row throws(PostgresError) in (try row.text(0), try row.int8(1)) }
    }

    /// - Parameter done: called after each portion with how many rows it was about.
    /// - Returns: how many rows were still pending and no longer are.
    package func run(progress: (Int) -> Void = { _ in }) async throws(PostgresError) -> Int {
        var done = 0
        while true {
            let page = try await cursor.next(Self.portion)
            guard !page.isEmpty else { break }
            var rest = page[...]
            while let lane = rest.first?.lane {
                let rows = rest.prefix { $0.lane == lane }
                done += try await note(rows, lane: lane)
                rest = rest.dropFirst(rows.count)
            }
            progress(page.count)
        }
        try await record.end()
        try await tellRelays()
        return done
    }

    /// A server that takes no notification costs the latency of the relays' poll.
    private func tellRelays() async throws(PostgresError) {
        do throws(PostgresError) {
            _ = try await record.connection.execute("SELECT pg_notify($1, '')", [.text(NotificationChannel.outbox)])
        } catch {
            guard error.kind == .server else { throw error }
        }
    }

    /// A transaction that holds the ledger for longer than is good, the dropping of a partition perhaps, is waited for.
    private func note(_ rows: ArraySlice<RowCursor.Row>, lane: Int16) async throws(PostgresError) -> Int {
        for _ in 1..<Self.tries {
            do throws(PostgresError) {
                return try await noteOnce(rows, lane: lane)
            } catch {
                guard error.sqlstate == "55P03" else { throw error }
            }
        }
        return try await noteOnce(rows, lane: lane)
    }

    /// The end of the chain is read by a statement of its own, after the lock: it sees what was committed until then.
    private func noteOnce(_ rows: ArraySlice<RowCursor.Row>, lane: Int16) async throws(PostgresError) -> Int {
        return try await record.did(
            """
            INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts, last_error)
            SELECT id, $2, 'superseded', 0, $3 FROM unnest($1::bigint[]) AS id
            WHERE id > coalesce((SELECT upto_id FROM outbox_deliveries WHERE lane = $2
                                 ORDER BY after_id DESC LIMIT 1), 0)
            ON CONFLICT DO NOTHING RETURNING 1
            """,
            [.array(rows.map(\.id)), .int2(lane), reason.map { .text("superseded: \($0)") } ?? .null(TypeOID.text)],
            after: ["SET LOCAL lock_timeout = '5s'", "SELECT outbox_hold_ledger()"])
    }
}
