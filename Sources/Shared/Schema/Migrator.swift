public import Postgres

/// Brings a database's schema up to date.
public struct Migrator: Sendable {
    private let migrations: [Migration]

    public init(_ migrations: [Migration]) { self.migrations = migrations }

    /// Applies what is missing, each migration in a transaction of its own, under a lock: of several that run at once one
    /// works and the others find nothing left to do. So does an older program on a newer schema, for migrations only add.
    ///
    /// Then tables of records that are still in one piece get their partitions: ``RecordAdoption``.
    /// - Parameter note: gets a line for each step of that.
    /// - Returns: the names of the migrations that were applied.
    /// - Throws: ``UnfitDatabase`` if it is no place for the schema; ``MigrationError`` if an applied migration differs from its file; ``PostgresError`` as the server says.
    public func migrate(
        _ connection: PostgresConnection, note: (String) -> Void = { _ in }
    ) async throws -> [String] {
        try await UnfitDatabase.check(connection)
        _ = try await connection.execute("SELECT pg_advisory_lock($1)", [.int8(AdvisoryLock.migration)])
        do {
            let applied = try await applyMissing(connection)
            try await RecordAdoption.run(connection, note: note)
            _ = try await connection.execute("SELECT pg_advisory_unlock($1)", [.int8(AdvisoryLock.migration)])
            return applied
        } catch {
            _ = try? await connection.execute("SELECT pg_advisory_unlock($1)", [.int8(AdvisoryLock.migration)])
            throw error
        }
    }

    private func applyMissing(_ connection: PostgresConnection) async throws -> [String] {
        if try await !SchemaVersion.isThere(connection) {
            try await connection.script(
                """
                CREATE TABLE schema_migrations (
                    version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now(), applied_by text NOT NULL DEFAULT current_user)
                """)
        }
        let checksums = try await checksums(connection)
        let present = try await present(connection)
        try check(present, checksums)
        var applied: [String] = []
        for migration in migrations where present[migration.version] == nil {
            try await apply(migration, checksum: checksums[Int(migration.version) - 1], connection)
            applied.append(migration.name)
        }
        return applied
    }

    private func present(_ connection: PostgresConnection) async throws -> [Int32: String] {
        let rows = try await connection.execute("SELECT version, checksum FROM schema_migrations")
        return Dictionary(
            try rows.map { row throws(PostgresError) in (try row.int4(0), try row.text(1)) }, uniquingKeysWith: { $1 })
    }

    /// Those that are there are the first ones without a gap, and what the files say; newer ones than the files are fine.
    private func check(_ present: [Int32: String], _ checksums: [String]) throws(MigrationError) {
        for migration in migrations {
            guard let checksum = present[migration.version] else {
                if let later = present.keys.filter({ $0 > migration.version }).min() {
                    throw MigrationError(
                        "migration \(migration.name) is not applied, but \(later) is: is the database being restored?")
                }
                continue
            }
            guard checksum == checksums[Int(migration.version) - 1] else {
                throw MigrationError(
                    "migration \(migration.name) differs from the file that was applied: "
                        + "restore the file, add a new migration")
            }
        }
    }

    /// A table that somebody holds is asked for in short, again and again: who waits behind the migration meanwhile, writers perhaps,
    /// must not wait long.
    private func apply(_ migration: Migration, checksum: String, _ connection: PostgresConnection) async throws {
        var triesLeft = 300
        while true {
            do {
                try await connection.script(
                    """
                    BEGIN;
                    SET LOCAL lock_timeout = '300ms';
                    \(Self.quotingSchema(migration.sql))
                    ;
                    INSERT INTO schema_migrations (version, name, checksum)
                    VALUES (\(migration.version), '\(migration.name)', '\(checksum)');
                    COMMIT;
                    """)
                return
            } catch {
                try? await connection.script("ROLLBACK")
                triesLeft -= 1
                guard error.sqlstate == "55P03", triesLeft > 0 else { throw error }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Migration 0011 takes the schema's name for an identifier, which it is not where it needs quotes; released files are never
    /// edited.
    private static func quotingSchema(_ sql: String) -> String {
        sql.replacing("current_schema()::regnamespace", with: "quote_ident(current_schema())::regnamespace")
    }

    /// SHA-256 of each file, computed by the server: no cryptography of our own for eight lines.
    private func checksums(_ connection: PostgresConnection) async throws -> [String] {
        var checksums: [String] = []
        for migration in migrations {
            let rows = try await connection.execute(
                "SELECT encode(sha256($1), 'hex')", [.bytea(Array(migration.sql.utf8))])
            checksums.append(try rows[0].text(0))
        }
        return checksums
    }
}
