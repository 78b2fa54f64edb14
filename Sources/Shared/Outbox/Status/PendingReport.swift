package import Postgres

/// How far behind the relays are.
package struct PendingReport: Sendable {
    /// Rows that are neither published nor excepted: exact while no lane has more than 1,000, an estimate beyond.
    package let rows: Int64
    package let isExact: Bool
    /// The age of the oldest such row, in seconds by the database's clock; 0 if there is none.
    package let oldestAge: Double
    /// For how many seconds a lane has had pending rows without any of its rows being confirmed: the longest of all lanes.
    package let stillFor: Double
    /// Rows that are parked: exact up to 10,000.
    package let parked: Int64
    /// How many times rows were superseded.
    package let superseded: Int64

    package static func read(_ connection: PostgresConnection) async throws(PostgresError) -> PendingReport {
        let rows = try await connection.execute(
            Statement(
                """
                WITH \(pendingByLane())
                SELECT sum(rows)::bigint, bool_and(is_exact),
                       coalesce(extract(epoch FROM clock_timestamp() - min(oldest)), 0)::double precision,
                       coalesce(extract(epoch FROM clock_timestamp() - min(greatest(oldest, confirmed_at)) FILTER (WHERE oldest IS NOT NULL)), 0)
                           ::double precision,
                       (SELECT count(*) FROM (SELECT FROM outbox_exceptions WHERE state = 'parked' LIMIT 10001) parked),
                       (SELECT count(*) FROM outbox_acts WHERE act = 'superseded' AND ended_at IS NOT NULL)
                FROM pending
                """,
                name: "pending_report"))
        return PendingReport(
            rows: try rows[0].int8(0), isExact: try rows[0].bool(1), oldestAge: max(0, try rows[0].double(2)),
            stillFor: max(0, try rows[0].double(3)), parked: try rows[0].int8(4),
            superseded: try rows[0].int8(5))
    }

    /// The table expression `pending`, a row for each lane.
    ///
    /// Costs the same whatever the backlog: it looks at no more rows of each lane than the limit and one. Beyond, ids tell how many
    /// there are, as lanes share one sequence evenly; ids that were skipped when a partition was closed early are none.
    /// - Parameters:
    ///   - limit: how many rows of a lane are counted one by one.
    ///   - isEstimated: whether more are estimated; else what was counted stands, as a lower bound.
    static func pendingByLane(counting limit: Int = 1000, isEstimated: Bool = true) -> String {
        """
        ends AS MATERIALIZED (
            SELECT l.lane::smallint AS lane, coalesce(d.upto_id, 0) AS upto_id, d.confirmed_at
            FROM generate_series(0, 15) AS l(lane)
            LEFT JOIN LATERAL (SELECT upto_id, confirmed_at FROM outbox_deliveries WHERE lane = l.lane::smallint
                               ORDER BY after_id DESC LIMIT 1) d ON true),
        pending AS MATERIALIZED (
            SELECT lane, upto_id, confirmed_at, seen <= \(limit) AS is_exact, oldest,
                   CASE WHEN seen <= \(limit) OR NOT \(isEstimated) THEN n
                        ELSE greatest(n, (SELECT last_value - upto_id - (
                            SELECT coalesce(sum(greatest(0, least(g.upto_id - 1, last_value)
                                                            - greatest(g.from_id - 1, ends.upto_id))), 0)
                            FROM outbox_gaps g) FROM outbox_id_seq)::bigint / 16) END AS rows
            FROM ends CROSS JOIN LATERAL (
                SELECT count(*) AS seen, count(*) FILTER (WHERE NOT excepted) AS n,
                       min(created_at) FILTER (WHERE NOT excepted) AS oldest
                FROM (
                    SELECT created_at,
                           (SELECT true FROM outbox_exceptions x WHERE x.outbox_id = next.id) IS NOT NULL AS excepted
                    FROM (SELECT id, created_at FROM outbox WHERE lane = ends.lane AND id > ends.upto_id
                          ORDER BY id LIMIT \(limit + 1)) next) looked_at) c)
        """
    }
}
