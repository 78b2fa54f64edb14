public import Postgres
public import Records
import Synchronization

/// The kinds that a database has: those of the program, and those that `writer kinds apply` has added or extended.
public enum AppliedKinds {
    /// Has the process know what the database has. Asked at each connection, and each second while a program runs.
    ///
    /// A definition that this program can't read, of a newer one perhaps, is left out: its queue is for programs that can.
    public static func refresh(_ connection: PostgresConnection) async throws(PostgresError) {
        try learn(from: try await connection.execute(question))
    }

    /// Asks for what ``learn(from:)`` takes, beside other questions.
    public static let question = Statement(
        """
        SELECT k.definition::text
        FROM (SELECT min(id) AS first, max(id) AS newest FROM record_kinds GROUP BY record_type) AS ids
        JOIN record_kinds k ON k.id = ids.newest ORDER BY ids.first
        """,
        name: "select_kinds")

    /// Has the process know what the answer to ``question`` says.
    public static func learn(from rows: Rows) throws(PostgresError) { RecordKind.learn(try kinds(rows)) }

    /// Those of this database, in the order in which their rows are inserted.
    public static func read(_ connection: PostgresConnection) async throws(PostgresError) -> [RecordKind] {
        try kinds(try await connection.execute(question)).reduce(into: RecordKind.builtIn) { kinds, kind in
            if let place = kinds.firstIndex(where: { $0.name == kind.name }) {
                kinds[place] = kind
            } else {
                kinds.append(kind)
            }
        }
    }

    /// The newest definition of each, in the order in which the kinds were first applied.
    private static func kinds(_ rows: Rows) throws(PostgresError) -> [RecordKind] {
        try rows.map { row throws(PostgresError) in try row.text(0) }.compactMap(kind)
    }

    /// Definitions as they were read: one that is there stays the same value.
    private static let parsed = Mutex<[String: RecordKind]>([:])

    private static func kind(_ definition: String) -> RecordKind? {
        parsed.withLock { parsed in
            if let known = parsed[definition] { return known }
            let kind = try? KindFile.parse(Array(definition.utf8))
            parsed[definition] = kind
            return kind
        }
    }
}
