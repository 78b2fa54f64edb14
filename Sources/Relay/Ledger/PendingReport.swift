import Postgres

/// How far behind the relays are.
struct PendingReport: Sendable {
    /// Rows that are neither published nor excepted: exact while no lane has more than 1,000, an estimate beyond.
    let rows: Int64
    let isExact: Bool
    /// The age of the oldest such row, in seconds by the database's clock; 0 if there is none.
    let oldestAge: Double

    /// Costs the same whatever the backlog: it looks at no more than 1,001 rows of each lane. Beyond, ids tell how many
    /// there are, as lanes share one sequence evenly.
    static func read(_ connection: PostgresConnection) async throws(PostgresError) -> PendingReport {
        let rows = try await connection.pipeline([
            Statement(
                """
                WITH lanes AS (
                    SELECT lane::smallint, coalesce((SELECT upto_id FROM outbox_deliveries d WHERE d.lane = l.lane
                                           ORDER BY after_id DESC LIMIT 1), 0) AS upto_id
                    FROM generate_series(0, 15) AS l(lane)),
                counted AS (
                    SELECT upto_id, n, oldest
                    FROM lanes CROSS JOIN LATERAL (
                        SELECT count(*) AS n, min(created_at) AS oldest FROM (
                            SELECT created_at FROM outbox WHERE lane = lanes.lane AND id > upto_id ORDER BY id LIMIT 1001
                        ) newest) c)
                SELECT coalesce(sum(CASE WHEN n <= 1000 THEN n
                                ELSE greatest(n, ((SELECT last_value FROM outbox_id_seq) - upto_id) / 16) END), 0)::bigint,
                       coalesce(bool_and(n <= 1000), true),
                       coalesce(extract(epoch FROM clock_timestamp() - min(oldest)), 0)::double precision
                FROM counted
                """,
                name: "pending_report")
        ])[0]
        return PendingReport(rows: rows.int8(0, 0), isExact: rows.bool(0, 1), oldestAge: max(0, rows.double(0, 2)))
    }
}
