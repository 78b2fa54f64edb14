public import Postgres

/// The version of the schema that this program was written for.
public enum SchemaVersion {
    /// The number of the newest migration. A newer database is fine: migrations only add.
    public static let required: Int32 = 22

    /// The version that the database has, 0 for none.
    /// - Throws: ``UnfitDatabase`` if the table of versions is another program's; ``PostgresError`` as the server says.
    public static func current(_ connection: PostgresConnection) async throws -> Int32 {
        guard try await isThere(connection) else { return 0 }
        return try await connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations")[0].int4(0)
    }

    /// Whether there is a table of versions, and it is ours.
    static func isThere(_ connection: PostgresConnection) async throws -> Bool {
        let row = try await connection.execute(
            """
            SELECT to_regclass('schema_migrations') IS NOT NULL,
                   count(*) FILTER (WHERE (attname, atttypid) IN (('version', 'int4'::regtype), ('name', 'text'::regtype),
                                                                 ('checksum', 'text'::regtype))) = 3
            FROM pg_attribute WHERE attrelid = to_regclass('schema_migrations') AND NOT attisdropped
            """)[0]
        guard try row.bool(0) else { return false }
        guard try row.bool(1) else { throw UnfitDatabase.foreignMigrations }
        return true
    }
}
