package import Postgres
import Records

/// What is known of one row of the log, from the message that came to the last time it was sent. Never the message itself.
package struct EventLife: Sendable, Equatable {
    /// What it is.
    package struct Event: Sendable, Equatable {
        package var id: Int64 = 0
        package var kind = ""
        package var market: Int32 = 0
        package var symbol: String?
        package var exchange: String?
        package var intervalStart = ""
        package var intervalEnd = ""
        package var trace: String?
        package var lane: Int32 = 0
        package var bodyBytes: Int64 = 0
    }

    /// Something that happened, and the rest of the line: by whom, why.
    package struct Step: Sendable, Equatable {
        package let name: String
        /// nil: not known, or not yet.
        package let time: String?
        package var note = ""
    }

    package var event = Event()
    package var state = ""
    package var attempts: Int32 = 0
    package var lastError: String?
    package var steps: [Step] = []

    /// - Parameter filter: Lanes are narrowed by its market; its other conditions don't matter for one row.
    package static func read(_ id: Int64, _ filter: OutboxFilter, _ connection: PostgresConnection) async throws
        -> EventLife?
    {
        let lanes = filter.market.map { [Lane.of(market: $0)] } ?? Array(0..<Lane.count)
        var array = BinaryArray(elementType: .int2, capacity: lanes.count)
        for lane in lanes { array.append(int2: Int16(lane)) }
        let rows = try await connection.execute(rowQuery, [.int8(id), .array(array)])
        guard rows.count > 0 else { return nil }
        return EventLife(rows, replays: try await connection.execute(replaysQuery, [.int8(id)]))
    }

    /// A row that is not there was never drawn, or was dropped when it was old.
    package static func whyMissing(_ id: Int64, _ connection: PostgresConnection) async throws -> String {
        let rows = try await connection.execute(
            """
            SELECT \(AuditQuery.time("pruned_at")), pruned_by FROM outbox_pruned
            WHERE from_id <= $1 AND $1 < upto_id ORDER BY id LIMIT 1
            """, [.int8(id)])
        guard rows.count > 0 else { return "the outbox has no row \(id)" }
        return
            "row \(id), if there was one, was old and published and was dropped at \(rows.text(0, 0)) by \(rows.text(0, 1))"
    }

    private init(_ rows: Rows, replays: Rows) {
        event = Event(
            id: rows.int8(0, 0), kind: rows.text(0, 1), market: rows.int4(0, 2), symbol: rows.optionalText(0, 3),
            exchange: rows.optionalText(0, 4), intervalStart: rows.text(0, 5), intervalEnd: rows.text(0, 6),
            trace: rows.optionalText(0, 7), lane: rows.int4(0, 8), bodyBytes: rows.int8(0, 9))
        state = rows.text(0, 10)
        attempts = rows.int4(0, 11)
        lastError = rows.optionalText(0, 12)
        let writer = rows.optionalText(0, 14).map { "by writer \($0)" } ?? ""
        let relay = rows.optionalText(0, 19).map { "by relay \($0)" } ?? ""
        steps = [
            Step(name: "received", time: rows.optionalText(0, 13), note: writer),
            Step(name: "stored", time: rows.text(0, 15), note: "begin of the transaction"),
            Step(name: "committed", time: rows.optionalText(0, 16)),
            Step(name: "published", time: rows.optionalText(0, 17), note: relay),
            Step(name: "confirmed", time: rows.optionalText(0, 18)),
        ]
        if let exception = rows.optionalText(0, 20) {
            steps.append(Step(name: exception, time: rows.optionalText(0, 21)))
        }
        for row in 0..<replays.count {
            steps.append(
                Step(
                    name: replays.text(row, 0), time: replays.text(row, 1),
                    note: "by \(replays.text(row, 2))" + (replays.optionalText(row, 3).map { ", because \($0)" } ?? ""))
            )
        }
    }

    package init() {}

    /// A row that the chain went past was confirmed when its exception says so; the others with their entry.
    private static let rowQuery = """
        SELECT o.id, o.record_type, o.market_id, a.symbol, a.exchange, \(AuditQuery.time("o.interval_start")),
               \(AuditQuery.time("o.interval_end")), o.trace_id, o.lane::integer, octet_length(o.body)::bigint,
               a.state, a.attempts, a.last_error,
               \(AuditQuery.time("b.received_at")), b.writer, \(AuditQuery.time("o.created_at")),
               CASE WHEN current_setting('track_commit_timestamp') = 'on'
                    THEN \(AuditQuery.time("pg_xact_commit_timestamp(o.xmin)")) END,
               CASE WHEN x.outbox_id IS NULL THEN \(AuditQuery.time("d.published_at")) END,
               \(AuditQuery.time("a.published_at")), a.relay,
               x.state, \(AuditQuery.time("x.recorded_at"))
        FROM unnest($2::smallint[]) AS l(lane)
        CROSS JOIN LATERAL (SELECT xmin, * FROM outbox WHERE lane = l.lane AND id = $1 OFFSET 0) o
        JOIN outbox_audit a ON a.lane = o.lane AND a.id = o.id
        LEFT JOIN outbox_exceptions x ON x.outbox_id = o.id
        LEFT JOIN LATERAL (SELECT published_at, upto_id FROM outbox_deliveries
                           WHERE lane = o.lane AND after_id < o.id ORDER BY after_id DESC LIMIT 1) d
            ON d.upto_id >= o.id
        LEFT JOIN LATERAL (SELECT min(received_at) AS received_at, string_agg(DISTINCT writer, ' or ') AS writer
                           FROM ingest_batches WHERE committed_at = o.created_at AND stored > 0) b ON true
        """

    private static let replaysQuery = """
        SELECT a.act, \(AuditQuery.time("r.confirmed_at")), a.acted_by, a.why
        FROM outbox_replays r JOIN outbox_acts a ON a.id = r.act_id
        WHERE r.outbox_id = $1 ORDER BY r.confirmed_at, a.id
        """
}

extension Rows {
    package func optionalText(_ row: Int, _ column: Int) -> String? { isNull(row, column) ? nil : text(row, column) }
}
