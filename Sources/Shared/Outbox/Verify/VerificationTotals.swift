import Postgres
import Records

/// The sums that must agree: of the ledgers, of what was dropped when it was old, and of the log.
package struct VerificationTotals: Sendable, Equatable {
    package var received: Int64 = 0
    package var stored: Int64 = 0
    package var duplicate: Int64 = 0
    package var quarantined: Int64 = 0
    package var inQuarantine: Int64 = 0
    /// Rows of the log, without those that were dropped.
    package var outbox: Int64 = 0
    package var published: Int64 = 0
    package var pending: Int64 = 0
    package var parked: Int64 = 0
    package var superseded: Int64 = 0
    /// Rows that were dropped.
    package var pruned: Int64 = 0
    /// Ids below this were dropped; 0 if none were.
    package var prunedEnd: Int64 = 0
    /// Records that are as old as this need have no outbox row any more.
    package var newestPruned = "-infinity"
    /// Where each lane's chain ends.
    package var chainEnds = Array(repeating: Int64(0), count: Lane.count)
    /// Exceptions of the log's pending rows.
    package var exceptedBeyondChain: Int64 = 0
    /// Exceptions without a row of the log.
    package var strayExceptions: [String] = []

    /// Reads all but what the log itself says.
    static func read(_ connection: PostgresConnection) async throws -> VerificationTotals {
        var totals = VerificationTotals()
        let sums = try await connection.execute(sumsQuery)
        totals.received = sums.int8(0, 0)
        totals.stored = sums.int8(0, 1)
        totals.duplicate = sums.int8(0, 2)
        totals.quarantined = sums.int8(0, 3)
        totals.inQuarantine = sums.int8(0, 4)
        totals.pruned = sums.int8(0, 5)
        totals.prunedEnd = sums.int8(0, 7)
        totals.newestPruned = sums.text(0, 8)
        let exceptions = try await connection.execute(exceptionsQuery)
        totals.parked = exceptions.int8(0, 0)
        totals.superseded = exceptions.int8(0, 1) + sums.int8(0, 6)
        totals.exceptedBeyondChain = exceptions.int8(0, 4)
        // Published rows are counted by the ledger: counted in the log, the sum could not be wrong.
        totals.published =
            exceptions.int8(0, 2) - exceptions.int8(0, 3) + (try await deliveredRows(connection))
            + totals.pruned - sums.int8(0, 6)
        totals.strayExceptions = try await Findings(
            connection,
            """
            SELECT count(*) OVER (), x.state, x.lane::integer, x.outbox_id FROM outbox_exceptions x
            LEFT JOIN outbox o ON o.lane = x.lane AND o.id = x.outbox_id WHERE o.id IS NULL LIMIT 10
            """
        ) { "lane \($0.int4($1, 2)): row \($0.int8($1, 3)), which is \($0.text($1, 1)), is not in the log" }.examples
        let ends = try await connection.execute("SELECT lane::integer, max(upto_id) FROM outbox_deliveries GROUP BY 1")
        for row in 0..<ends.count where totals.chainEnds.indices.contains(Int(ends.int4(row, 0))) {
            totals.chainEnds[Int(ends.int4(row, 0))] = ends.int8(row, 1)
        }
        return totals
    }

    /// Takes in what the log says.
    mutating func count(_ scan: TableScan) {
        outbox = scan.rows
        pending = scan.beyondChain - exceptedBeyondChain
    }

    private static func deliveredRows(_ connection: PostgresConnection) async throws -> Int64 {
        try await connection.execute("SELECT coalesce(sum(rows), 0)::bigint FROM outbox_deliveries").int8(0, 0)
    }

    private static let sumsQuery = """
        SELECT coalesce(sum(received), 0)::bigint, coalesce(sum(stored), 0)::bigint,
               coalesce(sum(duplicate), 0)::bigint, coalesce(sum(quarantined), 0)::bigint,
               (SELECT count(*) FROM quarantine WHERE resolution IS NULL OR resolution = 'discarded'),
               (SELECT coalesce(sum(rows), 0)::bigint FROM outbox_pruned),
               (SELECT coalesce(sum(superseded), 0)::bigint FROM outbox_pruned),
               (SELECT coalesce(max(upto_id), 0) FROM outbox_pruned),
               (SELECT coalesce(max(newest), '-infinity')::text FROM outbox_pruned)
        FROM (SELECT received, stored, duplicate, quarantined FROM ingest_batches
              UNION ALL SELECT received, stored, duplicate, quarantined FROM ingest_pruned) batches
        """

    /// Parked and superseded; those of either that were published after all; and where in the log they are.
    private static let exceptionsQuery = """
        WITH ends AS (SELECT lane, max(upto_id) AS upto_id FROM outbox_deliveries GROUP BY lane)
        SELECT count(*) FILTER (WHERE x.published_at IS NULL AND x.state = 'parked'),
               count(*) FILTER (WHERE x.published_at IS NULL AND x.state = 'superseded'),
               count(*) FILTER (WHERE x.published_at IS NOT NULL),
               count(o.id) FILTER (WHERE o.id <= ends.upto_id),
               count(o.id) FILTER (WHERE (o.id <= ends.upto_id) IS NOT TRUE)
        FROM outbox_exceptions x
        LEFT JOIN outbox o ON o.lane = x.lane AND o.id = x.outbox_id
        LEFT JOIN ends ON ends.lane = x.lane
        """
}
