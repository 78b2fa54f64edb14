import Logging
import TestSupport
import Testing

@testable import Postgres

@Suite("Settings of a session")
struct SessionSettingsTests {
    @Test func optionsAreTakenApart() {
        let settings = SessionSettings.parse(#"-c a.b=x\ \\y -cwork_mem=8MB  --statement-timeout=5s -B 3 -c geqo=off"#)
        #expect(settings.map { "\($0)|\($1)" } == ["a.b|x \\y", "work_mem|8MB", "statement_timeout|5s", "geqo|off"])
    }

    /// What changes the meaning of statements, set for the whole database.
    private static let hostile = [
        ("default_transaction_isolation", "serializable", "read committed"),
        ("default_transaction_deferrable", "on", "off"),
        ("synchronous_commit", "off", "on"), ("synchronous_commit", "local", "local"),
        ("synchronous_commit", "remote_apply", "remote_apply"), ("statement_timeout", "7s", "30s"),
        ("lock_timeout", "7s", "0"), ("idle_in_transaction_session_timeout", "7min", "30s"),
        ("idle_session_timeout", "7min", "0"), ("client_encoding", "LATIN1", "UTF8"),
        ("DateStyle", "SQL, DMY", "ISO, MDY"),
        ("IntervalStyle", "iso_8601", "postgres"), ("TimeZone", "Asia/Kathmandu", "UTC"),
        ("extra_float_digits", "-15", "1"), ("bytea_output", "escape", "hex"),
        ("standard_conforming_strings", "off", "on"), ("plan_cache_mode", "force_custom_plan", "auto"),
        ("row_security", "on", "off"), ("session_replication_role", "replica", "origin"), ("array_nulls", "off", "on"),
        ("transform_null_equals", "on", "off"), ("quote_all_identifiers", "on", "off"),
    ]

    @Test(arguments: hostile) func aDatabaseDoesNotChangeThem(setting: (name: String, theirs: String, ours: String))
        async throws
    {
        try await withTestDatabase { database in
            let before = try await database.connect()
            try await before.script("ALTER DATABASE \(database.name) SET \(setting.name) = '\(setting.theirs)'")
            let connection = try await database.connect()
            let shown = try await connection.execute("SELECT current_setting($1)", [.text(setting.name)])
            #expect(shown.text(0, 0) == setting.ours)
            await connection.close()
            await before.close()
        }
    }

    @Test func aCommitMayBeWeakerOnlyWhereTheProgramSaysSo() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect(parameters: ["synchronous_commit": "off"])
            #expect(try await connection.execute("SHOW synchronous_commit").text(0, 0) == "off")
        }
    }

    @Test func theSearchPathStaysAndNoTemporaryTableStandsFirst() async throws {
        try await withTestDatabase { database in
            let before = try await database.connect()
            try await before.script(
                """
                CREATE SCHEMA "Two Words"; CREATE TABLE "Two Words".t AS SELECT 'ours' AS whose;
                ALTER DATABASE \(database.name) SET search_path = "Two Words", nowhere, public
                """)
            let connection = try await database.connect()
            #expect(try await connection.execute("SHOW search_path").text(0, 0) == #""Two Words", public, pg_temp"#)
            try await connection.script("CREATE TEMPORARY TABLE t AS SELECT 'theirs' AS whose")
            #expect(try await connection.execute("SELECT whose FROM t").text(0, 0) == "ours")
            await before.close()
        }
    }

    @Test func aConnectionStringSetsTimeLimitsAndNothingThatChangesMeaning() async throws {
        try await withTestDatabase { database in
            let options = "-c%20statement_timeout%3D7s%20-c%20TimeZone%3DAsia/Tokyo%20-c%20work_mem%3D8MB"
            let url = database.url + (database.url.contains("?") ? "&" : "?") + "options=\(options)"
            let connection = try await PostgresConnection.connect(
                PostgresConfiguration(conninfo: url, applicationName: "tests"), logger: Logger(label: "tests"))
            let rows = try await connection.execute(
                "SELECT current_setting('statement_timeout'), current_setting('TimeZone'), current_setting('work_mem')")
            #expect(rows.text(0, 0) == "7s" && rows.text(0, 1) == "UTC" && rows.text(0, 2) == "8MB")
        }
    }
}
