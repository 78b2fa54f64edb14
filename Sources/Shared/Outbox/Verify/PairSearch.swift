import Postgres
import Records

/// Looks for records without an outbox row and rows without a record, when their sums differ.
struct PairSearch: Sendable {
    let connection: PostgresConnection
    /// Records that are as old as this need have no outbox row.
    let newestPruned: String
    var droppedRecords: [DroppedRecords] = []
    /// Citus joins what lies on other servers with the log when it has been fetched.
    var hasCitus = false

    private func records(_ kind: RecordKind) -> String {
        guard hasCitus else { return kind.table }
        return "(SELECT market_id, interval_start, interval_end, created_at FROM \(kind.table) OFFSET 0)"
    }

    func unpaired(_ kind: RecordKind) async throws -> Findings {
        var found = try await Findings(
            connection,
            """
            SELECT count(*) OVER (), \(Self.key("r")) FROM \(records(kind)) r
            WHERE r.created_at > $1::timestamptz
              AND \(DroppedRecords.isKept("'\(kind.name)'", droppedRecords, of: "r.")) AND NOT EXISTS (
                SELECT FROM outbox o WHERE o.record_type = '\(kind.name)' AND \(Self.sameKey))
            LIMIT 10
            """, [.text(newestPruned)]
        ) { "\(kind.table) \(try $0.text(1)) has no outbox row" }
        found.add(try await withoutRecord(kind, "true", []))
        return found
    }

    /// Rows that are as old as the newest one that was dropped: their records are among others that need have no row, so
    /// that sums don't tell.
    func oldWithoutRecord(_ kind: RecordKind, upTo id: Int64) async throws -> Findings {
        try await withoutRecord(
            kind, "o.created_at <= $2::timestamptz AND \(Self.upTo("$1"))", [.int8(id), .text(newestPruned)])
    }

    private func withoutRecord(
        _ kind: RecordKind, _ condition: String, _ parameters: [Parameter]
    ) async throws -> Findings {
        try await Findings(
            connection,
            """
            SELECT count(*) OVER (), \(Self.key("o")), o.id FROM outbox o
            WHERE o.record_type = '\(kind.name)' AND \(condition)
              AND \(DroppedRecords.isKept("o.record_type", droppedRecords, of: "o."))
              AND NOT EXISTS (SELECT 1 FROM \(records(kind)) r WHERE \(Self.sameKey))
            LIMIT 10
            """, parameters
        ) { "outbox row \(try $0.int8(2)) has no record \(kind.table) \(try $0.text(1))" }
    }

    /// - Parameter id: Where the rows to look at end; nil for all.
    func repeated(upTo id: Int64? = nil) async throws -> Findings {
        try await Findings(
            connection,
            """
            SELECT count(*) OVER (), record_type, \(Self.key("o")), count(*), min(id), max(id) FROM outbox o
            \(id == nil ? "" : "WHERE \(Self.upTo("$1"))")
            GROUP BY record_type, market_id, interval_start, interval_end
            HAVING count(*) > count(DISTINCT coalesce(revision, 1)) LIMIT 10
            """, id.map { [.int8($0)] } ?? []
        ) {
            """
            \(try $0.text(1)) \(try $0.text(2)) has \(try $0.int8(3)) outbox rows, \
            the first is \(try $0.int8(4)), the last \(try $0.int8(5))
            """
        }
    }

    func inWrongLane() async throws -> Findings {
        try await Findings(
            connection,
            """
            SELECT count(*) OVER (), id, lane::integer, market_id, coalesce(\(TableScan.laneOfMarket), -1)
            FROM outbox WHERE lane IS DISTINCT FROM \(TableScan.laneOfMarket) LIMIT 10
            """
        ) {
            """
            outbox row \(try $0.int8(1)) of market \(try $0.int4(3)) is in lane \(try $0.int4(2)), \
            not in \(try $0.int8(4))
            """
        }
    }

    private static let sameKey = """
        o.market_id = r.market_id AND o.interval_start = r.interval_start AND o.interval_end = r.interval_end
        """

    /// By the key of the log, which begins with the lane.
    private static func upTo(_ id: String) -> String { "o.lane BETWEEN 0 AND 15 AND o.id <= \(id)" }

    /// A key as people read it: `market 69 2026-01-01T00:00:00Z/2026-01-01T00:01:00Z`.
    private static func key(_ table: String) -> String {
        let time = #"'YYYY-MM-DD"T"HH24:MI:SS"Z"'"#
        return """
            format('market %s %s/%s', \(table).market_id, to_char(\(table).interval_start AT TIME ZONE 'UTC', \(time)),
                   to_char(\(table).interval_end AT TIME ZONE 'UTC', \(time)))
            """
    }
}
