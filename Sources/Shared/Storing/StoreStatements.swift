import Postgres
import Records

/// The statements of one kind, made from its fields.
///
/// Values travel as one array for each column and are cast on the server, so that one statement text (prepared once)
/// serves every batch size.
struct StoreStatements: Sendable {
    let kind: RecordKind
    private let insert: String
    private let insertVersions: String
    private let compare: String
    private let sample: String
    /// What the names of the statements end with: a session may have prepared those of an earlier definition.
    let suffix: String

    /// - Parameter definition: which one of the kind's definitions it is in this process, from 1 on.
    init(_ kind: RecordKind, definition: Int = 1) {
        self.kind = kind
        suffix = definition == 1 ? kind.table : "\(kind.table)_\(definition)"
        let columns = kind.fields.map(\.column).joined(separator: ", ")
        let arguments = kind.fields.indices.map { "$\($0 + 4)::text[]" }.joined(separator: ", ")
        let names = kind.fields.indices.map { "c\($0)" }.joined(separator: ", ")
        let casts = kind.fields.enumerated().map { "c\($0)::\($1.sqlType)" }.joined(separator: ", ")
        let source = "unnest($1::int[], $2::timestamptz[], $3::timestamptz[], \(arguments))"
        let key = "market_id, interval_start, interval_end"

        insert = """
            INSERT INTO \(kind.table) (\(key), \(columns))
            SELECT m, s, e, \(casts) FROM \(source) AS t(m, s, e, \(names))
            ON CONFLICT (\(key)) DO NOTHING RETURNING \(key)
            """
        insertVersions = """
            INSERT INTO \(kind.table) (\(key), \(columns), version)
            SELECT m, s, e, \(casts), records_version(p, $\(kind.fields.count + 5))
            FROM unnest($1::int[], $2::timestamptz[], $3::timestamptz[], \(arguments), $\(kind.fields.count + 4)::text[])
                AS t(m, s, e, \(names), p)
            ON CONFLICT (\(key)) DO NOTHING RETURNING \(key)
            """
        let comparisons = kind.fields.enumerated()
            .map { "stored.\($1.column) IS DISTINCT FROM came.c\($0)::\($1.sqlType)" }
            .joined(separator: " OR ")
        compare = """
            WITH found AS (
                SELECT came.m, came.s, came.e, came.trace, came.payload, came.place, (\(comparisons)) AS differs
                FROM unnest($1::int[], $2::timestamptz[], $3::timestamptz[], \(arguments),
                            $\(kind.fields.count + 4)::text[], $\(kind.fields.count + 5)::text[])
                    WITH ORDINALITY AS came(m, s, e, \(names), trace, payload, place)
                JOIN \(kind.table) stored ON stored.market_id = came.m AND stored.interval_start = came.s
                    AND stored.interval_end = came.e AND stored.interval_start BETWEEN $\(kind.fields.count + 6)::timestamptz
                        AND $\(kind.fields.count + 7)::timestamptz),
            kept AS (
                INSERT INTO conflicting_duplicates
                    (record_type, market_id, interval_start, interval_end, trace_id, payload)
                SELECT '\(kind.name)', m, s, e, trace, payload FROM found WHERE differs)
            SELECT count(*), count(*) FILTER (WHERE differs), min(place) FILTER (WHERE differs) FROM found
            """
        sample = """
            INSERT INTO \(kind.table) (\(key), \(columns))
            SELECT $1, $2, $3, \(columns) FROM (
                (SELECT \(columns) FROM \(kind.table) WHERE market_id = $4 ORDER BY interval_start DESC LIMIT 1)
                UNION ALL (SELECT \(columns) FROM \(kind.table) LIMIT 1) LIMIT 1) AS stored
            ON CONFLICT (\(key)) DO NOTHING
            """
    }

    /// Inserts records; answers with the keys of those that were new. What is stored under a key already is left, and
    /// nothing else: where another constraint refuses a row, that is an error.
    func insert(_ columns: RecordColumns) -> Statement {
        Statement(insert, name: "insert_\(suffix)", columns.parameters)
    }

    /// The same, with what the payload of each says of its version in this field.
    func insert(_ columns: RecordColumns, payloads: BinaryArray, versionField: String) -> Statement {
        Statement(
            insertVersions, name: "insert_versions_\(suffix)",
            columns.parameters + [.array(payloads), .text(versionField)])
    }

    /// Takes records, all of them stored before, as versions that came later, in the order given; answers with the place of each
    /// from 1 on, what came of it, and the number of the version that is stored now.
    func revise(
        _ columns: RecordColumns, rule: RevisionRule, traces: BinaryArray, payloads: BinaryArray, values: BinaryArray
    ) -> Statement {
        var names = BinaryArray(elementType: .text, capacity: kind.fields.count)
        var types = BinaryArray(elementType: .text, capacity: kind.fields.count)
        for field in kind.fields {
            names.append(text: field.column)
            types.append(text: field.sqlType)
        }
        var field = Parameter.null(TypeOID.text)
        if case .latest(let name?) = rule { field = .text(name) }
        return Statement(
            """
            SELECT place, outcome, revision_number
            FROM records_revise('\(kind.name)', $1, $2, $3, $4, $5, $6, $7, $8::text[], $9::text[], $10::text[])
            """,
            name: "revise_\(suffix)",
            [field, .bool(rule == .act)] + columns.key + [.array(traces), .array(payloads)]
                + [names, types, values].map(Parameter.array))
    }

    /// Whether there is any record.
    var isFilled: Statement { Statement("SELECT EXISTS (SELECT 1 FROM \(kind.table))", name: "filled_\(suffix)") }

    /// Inserts a record with the values of one that is stored, the newest of a market if there is one.
    func insertSample(_ key: RecordKey, like market: Int32) -> Statement {
        Statement(
            sample, name: "sample_\(suffix)",
            [
                .int4(key.market), .timestamp(milliseconds: key.intervalStart),
                .timestamp(milliseconds: key.intervalEnd), .int4(market),
            ])
    }

    /// Keeps those of the records, all of them stored before, whose content differs from what is stored; answers with how
    /// many there are at all, how many differ, and the place of the first that does, from 1 on.
    ///
    /// When the first and the last of their intervals begin is said as well, so that other partitions are left alone.
    func keepConflicts(_ columns: RecordColumns, traces: BinaryArray, payloads: BinaryArray) -> Statement {
        Statement(
            compare, name: "compare_\(suffix)",
            columns.parameters + [.array(traces), .array(payloads)] + columns.span)
    }
}

/// Records of one kind, column by column.
struct RecordColumns: Sendable {
    private var markets: BinaryArray
    private var starts: BinaryArray
    private var ends: BinaryArray
    private var values: [BinaryArray]
    private var earliest = Int64.max
    private var latest = Int64.min

    init(kind: RecordKind, capacity: Int) {
        markets = BinaryArray(elementType: .int4, capacity: capacity)
        starts = BinaryArray(elementType: .timestamptz, capacity: capacity)
        ends = BinaryArray(elementType: .timestamptz, capacity: capacity)
        values = kind.fields.map { _ in BinaryArray(elementType: .text, capacity: capacity) }
    }

    /// - Parameter key: another key than the record's own.
    mutating func append(_ record: PreparedBatch.Record, of batch: PreparedBatch, as key: RecordKey? = nil) {
        let key = key ?? record.key
        markets.append(int4: key.market)
        starts.append(timestampMilliseconds: key.intervalStart)
        ends.append(timestampMilliseconds: key.intervalEnd)
        (earliest, latest) = (min(earliest, key.intervalStart), max(latest, key.intervalStart))
        for column in values.indices {
            if let value = batch.value(column, of: record) {
                values[column].append(bytes: value.span)
            } else {
                values[column].appendNull()
            }
        }
    }

    /// When the first and the last of the intervals begin. There is one at least.
    var span: [Parameter] { [.timestamp(milliseconds: earliest), .timestamp(milliseconds: latest)] }

    var key: [Parameter] { [.array(markets), .array(starts), .array(ends)] }

    var parameters: [Parameter] { key + values.map(Parameter.array) }
}
