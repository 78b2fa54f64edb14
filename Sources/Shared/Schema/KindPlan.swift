public import Records

/// What applying the file of a kind changes in a database. Decides; does no I/O.
public struct KindPlan: Sendable, Equatable {
    public enum Change: Sendable, Equatable {
        /// There was no such kind.
        case new
        /// There is one; these columns come, and rules may be others.
        case changed(columns: [String])
        /// It is as the file says.
        case none
    }

    public let change: Change
    /// The statements, in order; none where only rules change.
    public let sql: [String]

    /// The most kinds that there may be: each is a queue that every writer consumes.
    public static let mostKinds = 64

    /// - Parameters:
    ///   - kind: what the file says.
    ///   - known: what the database has.
    ///   - isSameFile: whether the file is, to the byte, what was applied last.
    ///   - isTableTaken: whether there is a table, or something else, with the name of the kind's.
    /// - Throws: ``KindRefusal`` where data would be lost or mixed up.
    public init(
        _ kind: RecordKind, known: [RecordKind], isSameFile: Bool = false, isTableTaken: Bool
    ) throws(KindRefusal) {
        if let before = known.first(where: { $0.name == kind.name }) {
            try self.init(kind, after: before, isSameFile: isSameFile)
        } else {
            try self.init(new: kind, among: known, isTableTaken: isTableTaken)
        }
    }

    // MARK: a new kind

    private init(new kind: RecordKind, among known: [RecordKind], isTableTaken: Bool) throws(KindRefusal) {
        guard known.count < Self.mostKinds else {
            throw KindRefusal("there are \(known.count) kinds, and no more may be")
        }
        if let other = known.first(where: { $0.queue == kind.queue }) {
            throw KindRefusal("queue \(kind.queue) is \(other.name)'s: a queue is for one kind")
        }
        if let other = known.first(where: { $0.table == kind.table }) {
            throw KindRefusal("table \(kind.table) is \(other.name)'s: a table is for one kind")
        }
        guard !isTableTaken else {
            throw KindRefusal("there is a table or a view \(kind.table) already: give the kind another table")
        }
        change = .new
        let columns = kind.fields.map { "    \($0.column) \($0.sqlType)\($0.isNullable ? "" : " NOT NULL"),\n" }
            .joined()
        sql = [
            """
            CREATE TABLE \(kind.table) (
                market_id integer NOT NULL,
                interval_start timestamptz NOT NULL,
                interval_end timestamptz NOT NULL,
            \(columns)    created_at timestamptz NOT NULL DEFAULT now(),
                revision integer NOT NULL DEFAULT 1,
                version numeric,
                PRIMARY KEY (market_id, interval_start, interval_end)
            )
            """,
            "INSERT INTO record_tables VALUES ('\(kind.table)', '\(kind.name)', '\(kind.partition.rawValue)')",
            "SELECT records_adopt('\(kind.table)')",
            "SELECT records_share_table('\(kind.table)')",
        ]
    }

    // MARK: a kind that is there

    private init(_ kind: RecordKind, after before: RecordKind, isSameFile: Bool) throws(KindRefusal) {
        guard kind.table == before.table else {
            throw KindRefusal(
                "table: \(kind.name) has \(before.table), which stays: its records would be in two tables")
        }
        guard kind.queue == before.queue else {
            throw KindRefusal(
                "queue: \(kind.name) has \(before.queue), which stays: what is in it would be left behind")
        }
        for field in before.fields { try Self.hold(field, to: kind) }
        let added = kind.fields.filter { field in !before.fields.contains { $0.name == field.name } }
        if let field = added.first(where: { !$0.isNullable }) {
            throw KindRefusal(
                "field \(field.name) is new and required, but records without it are stored: it needs \"required\": false "
                    + "or \"null\": \"stored\"")
        }
        change = isSameFile ? .none : .changed(columns: added.map(\.column))
        var sql: [String] = []
        let clauses =
            added.map { "ADD COLUMN \($0.column) \($0.sqlType)" }
            + kind.fields.filter { field in
                field.isNullable && before.fields.contains { $0.name == field.name && !$0.isNullable }
            }.map { "ALTER COLUMN \($0.column) DROP NOT NULL" }
        if !clauses.isEmpty { sql.append("ALTER TABLE \(kind.table) \(clauses.joined(separator: ", "))") }
        if !added.isEmpty { sql.append("SELECT records_share_table('\(kind.table)')") }
        if kind.partition != before.partition {
            sql.append(
                "UPDATE record_tables SET period = '\(kind.partition.rawValue)' WHERE record_type = '\(kind.name)'")
        }
        self.sql = sql
    }

    /// Columns are only added.
    private static func hold(_ field: RecordKind.Field, to kind: RecordKind) throws(KindRefusal) {
        guard let now = kind.fields.first(where: { $0.name == field.name }) else {
            throw KindRefusal(
                "field \(field.name) is not in the file, but column \(field.column) is in the table: columns are only added. "
                    + "If messages have it no more, give it \"required\": false")
        }
        guard now.column == field.column else {
            throw KindRefusal("field \(field.name): its column is \(field.column), and stays it")
        }
        guard now.type == field.type else {
            throw KindRefusal(
                "field \(field.name): its type is \(field.type.rawValue), and stays it; another type is another field")
        }
    }
}

/// Why the file of a kind can't be applied.
public struct KindRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
