import Postgres
import Records

/// Records of a kind that were dropped because they were old: of those that begin before a time, none that was stored by the time
/// of the drop need be there, and neither need its outbox row have a record.
package struct DroppedRecords: Sendable, Equatable {
    package let kind: String
    package let table: String
    /// How many were dropped; those of partitions that are not counted yet are not among them.
    package let rows: Int64
    /// As PostgreSQL writes times.
    package let before: String
    let storedBy: String

    static func read(_ connection: PostgresConnection) async throws(PostgresError) -> [DroppedRecords] {
        let rows = try await connection.execute(
            """
            SELECT t.record_type, t.relation, coalesce(sum(p.rows), 0)::bigint, max(p.upto_time)::text, max(p.detached_at)::text
            FROM records_pruned p JOIN record_tables t USING (relation) GROUP BY 1, 2 ORDER BY 2
            """)
        return try rows.map { row throws(PostgresError) in
            DroppedRecords(
                kind: try row.text(0), table: try row.text(1), rows: try row.int8(2), before: try row.text(3),
                storedBy: try row.text(4))
        }
    }

    /// The condition that a record, or an outbox row, is none of these.
    /// - Parameters:
    ///   - kind: an expression for the record's kind.
    ///   - table: what its columns belong to, with a full stop; nothing if there is one table only.
    ///   - stored: the column with the time at which it was stored.
    static func isKept(
        _ kind: String, _ dropped: [DroppedRecords], of table: String = "", stored: String = "created_at"
    ) -> String {
        guard !dropped.isEmpty else { return "true" }
        let each = dropped.map {
            "(\(kind) = '\($0.kind)' AND \(table)interval_start < '\($0.before)' AND \(table)\(stored) <= '\($0.storedBy)')"
        }
        return "(\(each.joined(separator: " OR "))) IS NOT TRUE"
    }
}
