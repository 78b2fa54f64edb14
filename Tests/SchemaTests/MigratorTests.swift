import Logging
import Postgres
import TestSupport
import Testing

@testable import Schema

@Suite("Bringing a schema up to date", .timeLimit(.minutes(10)))
struct MigratorTests {
    private func migrations(_ sql: String...) -> [Migration] {
        sql.enumerated().map { Migration(version: Int32($0 + 1), name: "000\($0 + 1)_x", sql: $1) }
    }

    private func real() throws -> [Migration] { try Migration.load(from: try Migration.folder()) }

    @Test func aFreshDatabaseGetsAllAndASecondRunFindsNothing() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            #expect(try await SchemaVersion.current(connection) == 0)
            #expect(try await Migrator(real()).migrate(connection) == real().map(\.name))
            #expect(try await SchemaVersion.current(connection) == SchemaVersion.required)
            #expect(try await Migrator(real()).migrate(connection).isEmpty)
            #expect(
                try await connection.number("SELECT count(*) FROM schema_migrations WHERE length(checksum) = 64")
                    == Int64(SchemaVersion.required))
        }
    }

    @Test func ofFourAtOnceEachMigrationIsAppliedByOne() async throws {
        try await withTestDatabase { database in
            let migrations = try real()
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<4 {
                    let connection = try await database.connect()
                    group.addTask { try await Migrator(migrations).migrate(connection) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied == migrations.map(\.name))
        }
    }

    @Test func onlyWhatIsNewIsApplied() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let all = migrations("CREATE TABLE a ()", "CREATE TABLE b ()", "CREATE TABLE c ()")
            #expect(try await Migrator(Array(all[..<1])).migrate(connection) == ["0001_x"])
            #expect(try await Migrator(all).migrate(connection) == ["0002_x", "0003_x"])
        }
    }

    @Test func aFileThatWasChangedIsRefused() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            _ = try await Migrator(migrations("CREATE TABLE a ()")).migrate(connection)
            let changed = migrations("CREATE TABLE a (b int)", "CREATE TABLE c ()")
            let error = try await #require(throws: MigrationError.self) {
                try await Migrator(changed).migrate(connection)
            }
            #expect(
                error.description
                    == "migration 0001_x differs from the file that was applied: restore the file, add a new migration")
            #expect(try await SchemaVersion.current(connection) == 1)
        }
    }

    /// After a rollback: what the older program knows it checks, what came later it leaves alone.
    @Test func aDatabaseThatIsAheadIsLeftAsItIs() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let two = migrations("CREATE TABLE a ()", "CREATE TABLE b ()")
            _ = try await Migrator(two).migrate(connection)
            #expect(try await Migrator(Array(two[..<1])).migrate(connection).isEmpty)
            #expect(try await SchemaVersion.current(connection) == 2)
            #expect(try await Migrator(two).migrate(connection).isEmpty)
            let error = try await #require(throws: MigrationError.self) {
                try await Migrator(migrations("CREATE TABLE other ()")).migrate(connection)
            }
            #expect(error.description.hasPrefix("migration 0001_x differs"))
        }
    }

    @Test func aMigrationThatFailsLeavesNothingBehind() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let bad = migrations("CREATE TABLE a ()", "CREATE TABLE b (); SELECT 1 / 0", "CREATE TABLE c ()")
            let error = try await #require(throws: PostgresError.self) { try await Migrator(bad).migrate(connection) }
            #expect(error.sqlstate == "22012")
            #expect(try await SchemaVersion.current(connection) == 1)
            let tables = try await connection.execute(
                "SELECT to_regclass('a') IS NULL, to_regclass('b') IS NULL, to_regclass('c') IS NULL")
            #expect((0..<3).map { tables.bool(0, $0) } == [false, true, true])
            // The lock is free for another session, and this one can go on.
            let other = try await database.connect(parameters: ["lock_timeout": "2s"])
            let good = migrations("CREATE TABLE a ()", "CREATE TABLE b ()")
            #expect(try await Migrator(good).migrate(other) == ["0002_x"])
            try await connection.ping(timeout: .seconds(30))
        }
    }

    @Test func theLastLineOfAFileMayBeAComment() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let applied = try await Migrator(migrations("CREATE TABLE a () -- the end")).migrate(connection)
            #expect(applied == ["0001_x"])
        }
    }

    @Test func anOlderSchemaIsRefusedWithTheWayOut() async throws {
        try await withTestDatabase { database in
            let configuration = PostgresConfiguration(conninfo: database.url, applicationName: "tests")
            let error = try await #require(throws: SchemaOutdated.self) {
                try await Database.connect(configuration, logger: Logger(label: "tests"))
            }
            #expect(
                error.description
                    == "the schema has version 0, \(SchemaVersion.required) is needed: run `writer migrate`")
        }
    }
}

@Suite("Databases that are not fit", .timeLimit(.minutes(10)))
struct UnfitDatabaseTests {
    private func real() throws -> [Migration] { try Migration.load(from: try Migration.folder()) }

    @Test(arguments: [
        "version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL", "version varchar(255) PRIMARY KEY",
        "version integer, name text, checksum bytea",
    ])
    func anotherProgramsTableOfVersionsIsNamed(columns: String) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            try await connection.script("CREATE TABLE schema_migrations (\(columns))")
            let error = try await #require(throws: UnfitDatabase.self) {
                try await Migrator(real()).migrate(connection)
            }
            #expect(error.description.hasPrefix("the table schema_migrations is another program's"))
            await #expect(throws: UnfitDatabase.self) {
                try await Database.connect(
                    PostgresConfiguration(conninfo: database.url, applicationName: "t"), logger: Logger(label: "t"))
            }
        }
    }

    @Test(arguments: ["LATIN1", "SQL_ASCII"]) func anEncodingWithoutAllCharactersIsRefused(encoding: String)
        async throws
    {
        try await withTestDatabase { database in
            let server = try await database.connect()
            let name = "\(database.name)_other"
            try await server.script(
                "CREATE DATABASE \(name) ENCODING '\(encoding)' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
            let url = database.url.replacing(database.name, with: name)
            let connection = try await PostgresConnection.connect(
                PostgresConfiguration(conninfo: url, applicationName: "t"), logger: Logger(label: "t"))
            let error = try await #require(throws: UnfitDatabase.self) {
                try await Migrator(real()).migrate(connection)
            }
            #expect(error.description.contains("encoding is \(encoding), Candlepost needs UTF8"))
            await connection.close()
            try await server.script("DROP DATABASE \(name) WITH (FORCE)")
        }
    }

    /// Rows that nobody of ours wrote: a clear line, and never a trap.
    @Test(arguments: [0, -1, 99]) func versionsThatCannotBe(version: Int32) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            _ = try await Migrator(Array(real().prefix(1))).migrate(connection)
            _ = try await connection.execute(
                "UPDATE schema_migrations SET version = $1", [.int4(version)])
            if version == 99 {
                await #expect(throws: MigrationError.self) { try await Migrator(real()).migrate(connection) }
            } else {
                await #expect(throws: PostgresError.self) { try await Migrator(real()).migrate(connection) }
            }
        }
    }

    /// While somebody holds a table, others go on writing to it.
    @Test func nobodyWaitsForLongBehindAMigration() async throws {
        try await withTestDatabase { database in
            let (owner, reader, writer) = (
                try await database.connect(), try await database.connect(), try await database.connect()
            )
            let both = [
                Migration(version: 1, name: "0001_x", sql: "CREATE TABLE t (a integer)"),
                Migration(version: 2, name: "0002_x", sql: "ALTER TABLE t ADD COLUMN b integer"),
            ]
            _ = try await Migrator([both[0]]).migrate(owner)
            try await reader.script("BEGIN; SELECT FROM t")
            async let applied = Migrator(both).migrate(owner)
            try await writer.waitUntil(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 't'::regclass AND NOT granted)")
            try await writer.script("SET statement_timeout = '20s'; INSERT INTO t VALUES (1)")
            try await reader.script("COMMIT")
            #expect(try await applied == ["0002_x"])
            for connection in [owner, reader, writer] { await connection.close() }
        }
    }
}
