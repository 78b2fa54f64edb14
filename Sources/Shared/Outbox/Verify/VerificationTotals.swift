import Postgres
import Records

/// The sums that must agree: of the ledgers, of what was dropped when it was old, and of the log.
package struct VerificationTotals: Sendable, Equatable {
    package var received: Int64 = 0
    package var stored: Int64 = 0
    package var revised: Int64 = 0
    package var duplicate: Int64 = 0
    package var quarantined: Int64 = 0
    /// Messages that had not left quarantine when their rows were deleted among them.
    package var inQuarantine: Int64 = 0
    /// Rows that somebody deleted by hand, as people read it: how many, of which table, who, when.
    package var deletedByHand: [String] = []
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
    package var droppedRecords: [DroppedRecords] = []
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
        totals.received = try sums[0].int8(0)
        totals.stored = try sums[0].int8(1)
        totals.duplicate = try sums[0].int8(2)
        totals.quarantined = try sums[0].int8(3)
        totals.inQuarantine = try sums[0].int8(4)
        totals.pruned = try sums[0].int8(5)
        totals.prunedEnd = try sums[0].int8(7)
        totals.newestPruned = try sums[0].text(8)
        totals.revised = try sums[0].int8(9)
        totals.deletedByHand = try await Findings(
            connection,
            """
            SELECT count(*) OVER (), rows, relation, pruned_by, to_char(pruned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
            FROM pruned_rows WHERE why = 'by hand' ORDER BY id DESC LIMIT 10
            """
        ) { row throws(PostgresError) in
            "\(try row.int8(1)) rows of \(try row.text(2)) by \(try row.text(3)) at \(try row.text(4)) UTC"
        }.examples
        totals.droppedRecords = try await DroppedRecords.read(connection)
        let exceptions = try await connection.execute(exceptionsQuery)
        totals.parked = try exceptions[0].int8(0)
        totals.superseded = try exceptions[0].int8(1) + sums[0].int8(6)
        totals.exceptedBeyondChain = try exceptions[0].int8(4)
        // Published rows are counted by the ledger: counted in the log, the sum could not be wrong.
        totals.published =
            try await exceptions[0].int8(2) - exceptions[0].int8(3) + deliveredRows(connection) + totals.pruned
            - sums[0].int8(6)
        totals.strayExceptions = try await Findings(
            connection,
            """
            SELECT count(*) OVER (), x.state, x.lane::integer, x.outbox_id FROM outbox_exceptions x
            LEFT JOIN outbox o ON o.lane = x.lane AND o.id = x.outbox_id WHERE o.id IS NULL LIMIT 10
            """
        ) { "lane \(try $0.int4(2)): row \(try $0.int8(3)), which is \(try $0.text(1)), is not in the log" }.examples
        let ends = try await connection.execute("SELECT lane::integer, max(upto_id) FROM outbox_deliveries GROUP BY 1")
        for row in 0..<ends.count {
            let lane = Int(try ends[row].int4(0))
            if totals.chainEnds.indices.contains(lane) { totals.chainEnds[lane] = try ends[row].int8(1) }
        }
        return totals
    }

    /// Takes in what the log says.
    mutating func count(_ scan: TableScan) {
        outbox = scan.rows
        pending = scan.beyondChain - exceptedBeyondChain
    }

    private static func deliveredRows(_ connection: PostgresConnection) async throws -> Int64 {
        try await connection.execute("SELECT coalesce(sum(rows), 0)::bigint FROM outbox_deliveries")[0].int8(0)
    }

    private static let sumsQuery = """
        SELECT coalesce(sum(received), 0)::bigint, coalesce(sum(stored), 0)::bigint,
               coalesce(sum(duplicate), 0)::bigint, coalesce(sum(quarantined), 0)::bigint,
               (SELECT count(*) FROM quarantine WHERE resolution IS NULL OR resolution = 'discarded')
                   + (SELECT coalesce(sum(open + discarded), 0)::bigint FROM pruned_rows),
               (SELECT coalesce(sum(rows), 0)::bigint FROM outbox_pruned),
               (SELECT coalesce(sum(superseded), 0)::bigint FROM outbox_pruned),
               (SELECT coalesce(max(upto_id), 0) FROM outbox_pruned),
               (SELECT coalesce(max(newest), '-infinity')::text FROM outbox_pruned), coalesce(sum(revised), 0)::bigint
        FROM (SELECT received, stored, revised, duplicate, quarantined FROM ingest_batches
              UNION ALL SELECT received, stored, revised, duplicate, quarantined FROM ingest_pruned) batches
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
