package import Postgres
package import ProgramRuntime
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
        /// The collector's trace id.
        package var trace: String?
        /// What its `traceparent` says.
        package var context: TraceContext?
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
        let rows = try await connection.execute(rowQuery, [.int8(id), .array(lanes.map(Int16.init))])
        guard rows.count > 0 else { return nil }
        return try EventLife(rows, replays: await connection.execute(replaysQuery, [.int8(id)]))
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
            "row \(id), if there was one, was old and published and was dropped at \(try rows[0].text(0)) by \(try rows[0].text(1))"
    }

    private init(_ rows: Rows, replays: Rows) throws(PostgresError) {
        let row = rows[0]
        event = Event(
            id: try row.int8(0), kind: try row.text(1), market: try row.int4(2), symbol: try row.optionalText(3),
            exchange: try row.optionalText(4), intervalStart: try row.text(5), intervalEnd: try row.text(6),
            trace: try row.optionalText(7), context: try row.optionalText(22).flatMap(TraceContext.init(traceparent:)),
            lane: try row.int4(8), bodyBytes: try row.int8(9))
        state = try row.text(10)
        attempts = try row.int4(11)
        lastError = try row.optionalText(12)
        let writer = try row.optionalText(14).map { "by writer \($0)" } ?? ""
        let relay = try row.optionalText(19).map { "by relay \($0)" } ?? ""
        steps = [
            Step(name: "received", time: try row.optionalText(13), note: writer),
            Step(name: "stored", time: try row.text(15), note: "begin of the transaction"),
            Step(name: "committed", time: try row.optionalText(16)),
            Step(name: "published", time: try row.optionalText(17), note: relay),
            Step(name: "confirmed", time: try row.optionalText(18)),
        ]
        if let exception = try row.optionalText(20) {
            steps.append(Step(name: exception, time: try row.optionalText(21)))
        }
        steps += try replays.map { replay throws(PostgresError) in
            let reason = try replay.optionalText(3).map { ", because \($0)" } ?? ""
            return Step(
                name: try replay.text(0), time: try replay.text(1), note: "by \(try replay.text(2))\(reason)")
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
               x.state, \(AuditQuery.time("x.recorded_at")), o.traceparent
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
