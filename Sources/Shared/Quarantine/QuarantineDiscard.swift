package import Postgres

/// Gives messages of the quarantine up: they stay, and count as resolved.
package enum QuarantineDiscard {
    /// - Parameters:
    ///   - ids: rows of the quarantine; those that are resolved are left out.
    ///   - actedBy: who does it.
    ///   - why: the reason, recorded with each message.
    /// - Returns: how many were open and no longer are.
    package static func run(
        _ ids: [Int64], actedBy: String, why: String?, _ connection: PostgresConnection
    ) async throws(PostgresError) -> Int {
        return try await connection.execute(
            """
            WITH discarded AS (
                UPDATE quarantine SET resolved_at = now(), resolution = 'discarded'
                WHERE id = ANY($1) AND resolved_at IS NULL RETURNING id)
            INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by, why)
            SELECT id, 'discarded', 'discarded', $2, $3 FROM discarded
            """,
            [.array(ids), .text(actedBy), why.map(Parameter.text) ?? .null(TypeOID.text)]
        ).affectedRows
    }
}
