public import Postgres

/// The version of the schema that this program was written for.
public enum SchemaVersion {
    /// The number of the newest migration. A newer database is fine: migrations only add.
    public static let required: Int32 = 12

    /// The version that the database has, 0 for none.
    public static func current(_ connection: PostgresConnection) async throws(PostgresError) -> Int32 {
        let table = try await connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
        guard table.bool(0, 0) else { return 0 }
        return try await connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").int4(0, 0)
    }
}
