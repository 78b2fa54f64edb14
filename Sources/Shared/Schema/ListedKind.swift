public import Postgres
public import Records

/// A kind of a database, with who applied it.
public struct ListedKind: Sendable {
    public let kind: RecordKind
    /// How often a file was applied; 0: it is as the program brings it along.
    public let definitions: Int64
    /// By whom the newest definition was applied; nil if none was.
    public let appliedBy: String?
    /// When, in UTC, as in `2026-01-31T12:00:00Z`.
    public let appliedAt: String?

    /// All of them, in the order in which their rows are inserted.
    public static func all(_ connection: PostgresConnection) async throws(PostgresError) -> [ListedKind] {
        let rows = try await connection.execute(
            """
            SELECT record_type, count(*), (array_agg(applied_by ORDER BY id DESC))[1],
                   to_char(max(applied_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            FROM record_kinds GROUP BY record_type
            """)
        var acts: [String: (definitions: Int64, by: String, at: String)] = [:]
        for row in 0..<rows.count {
            acts[try rows[row].text(0)] = (try rows[row].int8(1), try rows[row].text(2), try rows[row].text(3))
        }
        return try await AppliedKinds.read(connection).map { kind in
            let act = acts[kind.name]
            return ListedKind(
                kind: kind, definitions: act?.definitions ?? 0, appliedBy: act?.by, appliedAt: act?.at)
        }
    }
}
