import Postgres
import Records

/// Reads the log and the tables of records once from front to back, in pieces.
struct TableScan: Sendable {
    var kinds: [String: KindSums] = [:]
    /// Rows of the log.
    var rows: Int64 = 0
    /// Of these, the rows after the end of their lane's chain.
    var beyondChain: Int64 = 0
    var inWrongLane: Int64 = 0
    /// The highest id of a row that is as old as the newest one that was dropped.
    var newestOldRow: Int64 = 0

    /// A table or a partition.
    struct Table: Sendable {
        /// Ready for SQL.
        let name: String
        /// nil: of several.
        let kind: RecordKind?
        var isLog = false
        /// Rows of a columnstore have no place of their own on disk: such a partition is read in one piece.
        var isColumnar = false
        let blocks: Int64

        func pieces(of size: Int64) -> [Range<Int64>] {
            if isColumnar { return [0..<blocks] }
            return stride(from: 0, to: blocks, by: Int(size)).map { $0..<min($0 + size, blocks) }
        }
    }

    static func run(
        _ connection: PostgresConnection, _ kinds: [RecordKind], _ totals: VerificationTotals, blocksPerPiece: Int64,
        _ progress: Verification.Progress
    ) async throws -> TableScan {
        var scan = TableScan()
        let tables = try await tables(kinds, connection)
        let all = tables.map(\.blocks).reduce(0, +)
        var done: Int64 = 0
        for table in tables {
            for piece in table.pieces(of: blocksPerPiece) {
                progress(Double(done) / Double(max(all, 1)), "reading \(table.name)")
                if let kind = table.kind {
                    try scan.add(try await connection.execute(records(table, piece, totals)), kind)
                } else if !table.isLog {
                    try scan.add(replaced: try await connection.execute(replaced(table, piece, totals)))
                } else {
                    try scan.add(try await connection.execute(log(table, piece, totals)))
                }
                done += piece.upperBound - piece.lowerBound
            }
        }
        return scan
    }

    private static func tables(_ kinds: [RecordKind], _ connection: PostgresConnection) async throws -> [Table] {
        let partitions = try await connection.execute(
            "SELECT partition::regclass::text, pg_relation_size(partition) / \(blockSize) FROM outbox_partitions ORDER BY from_id"
        )
        var tables = try partitions.map { row throws(PostgresError) in
            Table(name: try row.text(0), kind: nil, isLog: true, blocks: try row.int8(1))
        }
        for kind in kinds {
            let parts = try await connection.execute(recordParts, [.text(kind.table)])
            tables += try parts.map { row throws(PostgresError) in
                Table(name: try row.text(0), kind: kind, isColumnar: try row.bool(2), blocks: try row.int8(1))
            }
        }
        let replaced = try await connection.execute("SELECT pg_relation_size('record_revisions') / \(blockSize)")
        tables.append(Table(name: "record_revisions", kind: nil, blocks: try replaced[0].int8(0)))
        return tables
    }

    /// A table of records, or its partitions.
    private static let recordParts = """
        SELECT part::regclass::text, pg_relation_size(part) / \(blockSize),
               part IN (SELECT records_columnar_partitions()) FROM (
            SELECT partition AS part, from_time FROM record_partitions WHERE relation = $1
            UNION ALL SELECT oid, NULL FROM pg_class WHERE oid = $1::regclass AND relkind = 'r') parts
        ORDER BY from_time
        """

    private static let blockSize = "current_setting('block_size')::bigint"

    // MARK: the statements

    /// A market's key as the hash of a record's, whose sum tells sets of keys apart.
    private static let hash = "hash_record_extended(ROW(market_id, interval_start, interval_end), 0)"

    /// ``Lane/of(market:)`` in SQL; NULL for what can't be a market.
    static let laneOfMarket = """
        CASE WHEN market_id > 0 THEN (market_id::bigint * 2654435761 & 4294967295) >> 28 END
        """

    private static func range(_ piece: Range<Int64>) -> String {
        "ctid >= '(\(piece.lowerBound),0)'::tid AND ctid < '(\(piece.upperBound),0)'::tid"
    }

    private static func rows(of table: Table, _ piece: Range<Int64>) -> String {
        table.isColumnar ? "\(table.name) WHERE true" : "ONLY \(table.name) WHERE \(range(piece))"
    }

    static func records(_ table: Table, _ piece: Range<Int64>, _ totals: VerificationTotals) -> Statement {
        Statement(
            """
            SELECT count(*), coalesce(sum(\(hash)), 0)::text FROM \(rows(of: table, piece)) AND created_at > $1::timestamptz
              AND \(DroppedRecords.isKept("'\(table.kind?.name ?? "")'", totals.droppedRecords))
            """, [.text(totals.newestPruned)])
    }

    /// Versions of records that were replaced: each was announced, too.
    static func replaced(_ table: Table, _ piece: Range<Int64>, _ totals: VerificationTotals) -> Statement {
        let isKept = DroppedRecords.isKept("record_type", totals.droppedRecords, stored: "stored_at")
        return Statement(
            """
            SELECT record_type, count(*), coalesce(sum(\(hash)), 0)::text FROM ONLY \(table.name)
            WHERE \(range(piece)) AND stored_at > $1::timestamptz AND \(isKept) GROUP BY record_type
            """, [.text(totals.newestPruned)])
    }

    static func log(_ table: Table, _ piece: Range<Int64>, _ totals: VerificationTotals) -> Statement {
        let isKept = DroppedRecords.isKept("record_type", totals.droppedRecords)
        return Statement(
            """
            SELECT record_type, count(*) FILTER (WHERE created_at > $1::timestamptz AND \(isKept)),
                   coalesce(sum(\(hash)) FILTER (WHERE created_at > $1::timestamptz AND \(isKept)), 0)::text,
                   count(*) FILTER (WHERE created_at <= $1::timestamptz AND \(isKept)),
                   coalesce(max(id) FILTER (WHERE created_at <= $1::timestamptz AND \(isKept)), 0),
                   count(*) FILTER (WHERE id > ($2::bigint[])[lane + 1]),
                   count(*) FILTER (WHERE lane IS DISTINCT FROM \(laneOfMarket)), count(*)
            FROM ONLY \(table.name) WHERE \(range(piece)) GROUP BY record_type
            """, [.text(totals.newestPruned), .array(totals.chainEnds)])
    }

    private mutating func add(_ rows: Rows, _ kind: RecordKind) throws(PostgresError) {
        kinds[kind.name, default: KindSums()].records.add(try Self.sum(rows[0], at: 0))
    }

    private mutating func add(replaced groups: Rows) throws(PostgresError) {
        for row in 0..<groups.count {
            kinds[try groups[row].text(0), default: KindSums()].records.add(try Self.sum(groups[row], at: 1))
        }
    }

    private mutating func add(_ groups: Rows) throws(PostgresError) {
        for row in 0..<groups.count {
            let current = try Self.sum(groups[row], at: 1)
            let old = try groups[row].int8(3)
            kinds[try groups[row].text(0), default: KindSums()].rows.add(current)
            kinds[try groups[row].text(0), default: KindSums()].oldRows += old
            rows += try groups[row].int8(7)
            newestOldRow = max(newestOldRow, try groups[row].int8(4))
            beyondChain += try groups[row].int8(5)
            inWrongLane += try groups[row].int8(6)
        }
    }

    private static func sum(_ row: Row, at column: Int) throws(PostgresError) -> KindSums.Sum {
        guard let hashes = Int128(try row.text(column + 1)) else {
            throw PostgresError(kind: .unexpectedAnswer, message: "a sum is no whole number")
        }
        return KindSums.Sum(count: try row.int8(column), hashes: hashes)
    }
}
