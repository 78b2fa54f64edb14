import Postgres
import Records

/// Holds the promises against one snapshot of the database.
struct Verification {
    /// One promise: a number that was counted and what it must be.
    struct Check: Sendable, Equatable {
        let name: String
        let found: Int64
        let expected: Int64

        var holds: Bool { found == expected }
    }

    private struct Totals {
        var received: Int64
        var stored: Int64
        var duplicate: Int64
        var quarantined: Int64
        var outbox: Int64
        var published: Int64
        var excepted: Int64
        var pending: Int64
    }

    static func run(_ connection: PostgresConnection) async throws -> [Check] {
        try await connection.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        let totals = try await totals(connection)
        var checks = [
            Check(
                name: "messages received = stored + duplicate + quarantined", found: totals.received,
                expected: totals.stored + totals.duplicate + totals.quarantined),
            Check(name: "records stored = outbox rows", found: totals.outbox, expected: totals.stored),
            Check(
                name: "outbox rows = published + pending + parked + superseded", found: totals.outbox,
                expected: totals.published + totals.pending + totals.excepted),
            Check(
                name: "messages quarantined = rows of quarantine that did not leave it",
                found: try await count(Self.quarantined, connection), expected: totals.quarantined),
        ]
        for kind in RecordKind.all {
            checks.append(
                Check(
                    name: "\(kind.table) without an outbox row, or the other way round",
                    found: try await count(unpaired(kind), connection), expected: 0))
        }
        checks.append(
            Check(name: "records with two outbox rows", found: try await count(repeated, connection), expected: 0))
        checks.append(
            Check(name: "holes or overlaps in the ledger", found: try await count(broken, connection), expected: 0))
        checks.append(
            Check(
                name: "ledger entries whose rows are not the log's", found: try await count(miscounted, connection),
                expected: 0))
        try await connection.script("COMMIT")
        return checks
    }

    private static func count(_ sql: String, _ connection: PostgresConnection) async throws -> Int64 {
        try await connection.execute(sql).int8(0, 0)
    }

    private static func totals(_ connection: PostgresConnection) async throws -> Totals {
        let ingest = try await connection.execute(
            """
            SELECT coalesce(sum(received), 0)::bigint, coalesce(sum(stored), 0)::bigint,
                   coalesce(sum(duplicate), 0)::bigint, coalesce(sum(quarantined), 0)::bigint
            FROM ingest_batches
            """)
        // Published and excepted rows are counted by their own tables: counted in the log, the sum could not be wrong.
        let outbox = try await connection.execute(
            """
            WITH ends AS (SELECT lane, max(upto_id) AS upto_id FROM outbox_deliveries GROUP BY lane)
            SELECT count(*),
                   (SELECT coalesce(sum(rows), 0) FROM outbox_deliveries)
                       - count(x.outbox_id) FILTER (WHERE o.id <= ends.upto_id),
                   (SELECT count(*) FROM outbox_exceptions),
                   count(*) FILTER (WHERE (o.id <= ends.upto_id) IS NOT TRUE AND x.outbox_id IS NULL)
            FROM outbox o LEFT JOIN ends USING (lane) LEFT JOIN outbox_exceptions x ON x.outbox_id = o.id
            """)
        return Totals(
            received: ingest.int8(0, 0), stored: ingest.int8(0, 1), duplicate: ingest.int8(0, 2),
            quarantined: ingest.int8(0, 3), outbox: outbox.int8(0, 0), published: outbox.int8(0, 1),
            excepted: outbox.int8(0, 2), pending: outbox.int8(0, 3))
    }

    private static func unpaired(_ kind: RecordKind) -> String {
        """
        SELECT count(*) FROM \(kind.table) r
        FULL JOIN (SELECT market_id, interval_start, interval_end FROM outbox WHERE record_type = '\(kind.name)') o
        USING (market_id, interval_start, interval_end)
        WHERE r.market_id IS NULL OR o.market_id IS NULL
        """
    }

    private static let quarantined = """
        SELECT count(*) FROM quarantine WHERE resolution IS NULL OR resolution = 'discarded'
        """

    private static let repeated = """
        SELECT count(*) FROM (
            SELECT FROM outbox GROUP BY record_type, market_id, interval_start, interval_end HAVING count(*) > 1) twice
        """

    /// A lane's first entry starts at 0, and every other where the one before ended.
    private static let broken = """
        SELECT count(*) FROM (
            SELECT after_id, coalesce(lag(upto_id) OVER (PARTITION BY lane ORDER BY after_id), 0) AS before_id
            FROM outbox_deliveries) chain
        WHERE after_id <> before_id
        """

    private static let miscounted = """
        SELECT count(*) FROM outbox_deliveries d
        WHERE rows <> (SELECT count(*) FROM outbox o WHERE o.lane = d.lane AND o.id > d.after_id AND o.id <= d.upto_id)
        """
}
