import Postgres
import Records

/// The statements of one kind, made from its fields.
///
/// Values travel as one array for each column and are cast on the server, so that one statement text (prepared once)
/// serves every batch size.
struct StoreStatements: Sendable {
    let kind: RecordKind
    private let insert: String
    private let compare: String

    init(_ kind: RecordKind) {
        self.kind = kind
        let columns = kind.fields.map(\.column).joined(separator: ", ")
        let arguments = kind.fields.indices.map { "$\($0 + 4)::text[]" }.joined(separator: ", ")
        let names = kind.fields.indices.map { "c\($0)" }.joined(separator: ", ")
        let casts = kind.fields.enumerated().map { "c\($0)::\($1.sqlType)" }.joined(separator: ", ")
        let source = "unnest($1::int[], $2::timestamptz[], $3::timestamptz[], \(arguments))"
        let key = "market_id, interval_start, interval_end"

        insert = """
            INSERT INTO \(kind.table) (\(key), \(columns))
            SELECT m, s, e, \(casts) FROM \(source) AS t(m, s, e, \(names))
            ON CONFLICT DO NOTHING RETURNING \(key)
            """
        let comparisons = kind.fields.enumerated()
            .map { "stored.\($1.column) IS DISTINCT FROM came.c\($0)::\($1.sqlType)" }
            .joined(separator: " OR ")
        compare = """
            WITH differing AS (
                SELECT m, s, e, trace, payload
                FROM unnest($1::int[], $2::timestamptz[], $3::timestamptz[], \(arguments),
                            $\(kind.fields.count + 4)::text[], $\(kind.fields.count + 5)::text[])
                    AS came(m, s, e, \(names), trace, payload)
                JOIN \(kind.table) stored ON stored.market_id = m AND interval_start = s AND interval_end = e
                WHERE \(comparisons))
            INSERT INTO conflicting_duplicates
                (record_type, market_id, interval_start, interval_end, trace_id, payload)
            SELECT '\(kind.name)', m, s, e, trace, payload FROM differing
            """
    }

    static let all = RecordKind.all.map(StoreStatements.init)

    /// Inserts records; answers with the keys of those that were new, in the order given.
    func insert(_ columns: RecordColumns) -> Statement {
        Statement(insert, name: "insert_\(kind.table)", columns.parameters)
    }

    /// Keeps those of the records, all of them stored before, whose content differs from what is stored.
    func keepConflicts(_ columns: RecordColumns, traces: BinaryArray, payloads: BinaryArray) -> Statement {
        Statement(
            compare, name: "compare_\(kind.table)", columns.parameters + [.array(traces), .array(payloads)])
    }
}

/// Records of one kind, column by column.
struct RecordColumns: Sendable {
    private var markets: BinaryArray
    private var starts: BinaryArray
    private var ends: BinaryArray
    private var values: [BinaryArray]

    init(kind: RecordKind, capacity: Int) {
        markets = BinaryArray(elementType: .int4, capacity: capacity)
        starts = BinaryArray(elementType: .timestamptz, capacity: capacity)
        ends = BinaryArray(elementType: .timestamptz, capacity: capacity)
        values = kind.fields.map { _ in BinaryArray(elementType: .text, capacity: capacity) }
    }

    mutating func append(_ record: PreparedBatch.Record, of batch: PreparedBatch) {
        markets.append(int4: record.key.market)
        starts.append(timestampMilliseconds: record.key.intervalStart)
        ends.append(timestampMilliseconds: record.key.intervalEnd)
        for column in values.indices {
            if let value = batch.value(column, of: record) {
                values[column].append(bytes: value.span)
            } else {
                values[column].appendNull()
            }
        }
    }

    var parameters: [Parameter] { [.array(markets), .array(starts), .array(ends)] + values.map(Parameter.array) }
}
