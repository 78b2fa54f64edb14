import Postgres
import Records

/// Holds the relay's ledger against the log.
struct LedgerSearch: Sendable {
    let connection: PostgresConnection
    /// Ids below this were dropped; 0 if none were.
    let prunedEnd: Int64

    let entriesPerPiece: Int32

    /// A lane's first entry starts at 0, or where rows were dropped, and every other where the one before ended.
    func brokenChains() async throws -> Findings {
        try await Findings(
            connection,
            """
            SELECT count(*) OVER (), lane::integer, after_id, coalesce(before_id, -1) FROM (
                SELECT lane, after_id, lag(upto_id) OVER (PARTITION BY lane ORDER BY after_id) AS before_id
                FROM outbox_deliveries) chain
            WHERE after_id <> before_id
               OR (before_id IS NULL AND after_id <> 0
                   AND (after_id >= $1 OR EXISTS (SELECT FROM outbox o WHERE o.lane = chain.lane AND o.id <= after_id)))
            LIMIT 10
            """, [.int8(prunedEnd)]
        ) { Self.broken(lane: try $0.int4(1), after: try $0.int8(2), before: try $0.int8(3)) }
    }

    private static func broken(lane: Int32, after: Int64, before: Int64) -> String {
        if before < 0 { return "lane \(lane): the first entry starts after \(after)" }
        return before < after ? "lane \(lane): hole after \(before)" : "lane \(lane): overlap after \(after)"
    }

    /// Goes through the entries of each lane once, and through the log beside them.
    func miscounted(_ progress: Verification.Progress) async throws -> Findings {
        // A piece is a walk along both keys. Where the server knows nothing of the tables yet, it could choose to read the
        // whole log for each.
        try await connection.script("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        let ends = try await connection.execute(
            "SELECT lane::integer, min(after_id), max(upto_id) FROM outbox_deliveries GROUP BY 1 ORDER BY 1")
        var found = Findings()
        for row in 0..<ends.count {
            let (lane, first, last) = (try ends[row].int4(0), try ends[row].int8(1), try ends[row].int8(2))
            var next: Int64? = first
            while let from = next {
                let part = Double(from - first) / Double(max(last - first, 1))
                progress((Double(row) + part) / Double(ends.count), "comparing the ledger of lane \(lane)")
                let rows = try await connection.execute(piece(lane: Int16(lane), from: from))
                next = try rows[0].isNull(0) ? nil : try rows[0].int8(0)
                found.add(try Self.findings(rows, lane: lane))
            }
        }
        return found
    }

    /// The first column is where to go on, and stands in every row; the others are null if all entries are right.
    private static func findings(_ rows: Rows, lane: Int32) throws(PostgresError) -> Findings {
        guard try !rows[0].isNull(1) else { return Findings() }
        return Findings(
            count: try rows[0].int8(1),
            examples: try rows.map { row throws(PostgresError) in
                """
                lane \(lane): the entry after \(try row.int8(2)) up to \(try row.int8(3)) says \
                \(try row.int4(4)) rows, the log has \(try row.int8(5))
                """
            })
    }

    /// Counts the log's rows of each entry in one pass: `width_bucket` finds the entry by bisecting the piece's entries in
    /// memory, where a count for each entry would be a look into the index for each. Entries that overlap share rows, which
    /// only a count of their own tells: so one that seems wrong is counted again.
    private func piece(lane: Int16, from: Int64) -> Statement {
        Statement(
            """
            WITH entries AS MATERIALIZED (
                SELECT after_id, upto_id, rows, row_number() OVER (ORDER BY after_id) AS n FROM (
                    SELECT after_id, upto_id, rows FROM outbox_deliveries WHERE lane = $1 AND after_id >= $2
                    ORDER BY after_id LIMIT $3) e),
            bounds AS MATERIALIZED (
                SELECT array_agg(after_id ORDER BY n) AS starts, array_agg(upto_id ORDER BY n) AS ends,
                       min(after_id) AS low, max(upto_id) AS high, max(after_id) AS last
                FROM entries),
            counted AS MATERIALIZED (
                SELECT n, count(*) AS found FROM (
                    SELECT id, width_bucket(id - 1, (SELECT starts FROM bounds)) AS n FROM outbox
                    WHERE lane = $1 AND id > (SELECT low FROM bounds) AND id <= (SELECT high FROM bounds) OFFSET 0) r
                WHERE id <= (SELECT ends FROM bounds)[n] GROUP BY n),
            wrong AS (
                SELECT count(*) OVER () AS how_many, e.after_id, e.upto_id, e.rows, again.found
                FROM entries e LEFT JOIN counted c ON c.n = e.n
                CROSS JOIN LATERAL (SELECT count(*) AS found FROM outbox
                                    WHERE lane = $1 AND id > e.after_id AND id <= e.upto_id) again
                WHERE e.rows <> coalesce(c.found, 0) AND e.rows <> again.found
                ORDER BY e.n LIMIT 10)
            SELECT (SELECT after_id FROM outbox_deliveries WHERE lane = $1 AND after_id > (SELECT last FROM bounds)
                    ORDER BY after_id LIMIT 1), wrong.*
            FROM (SELECT) one LEFT JOIN wrong ON true
            """, name: "verify_entries", [.int2(lane), .int8(from), .int4(entriesPerPiece)])
    }
}
