import Postgres
import Schema
import TestSupport
import Testing

@Suite("Records in hypertables", .needs(.timescaledb), .timeLimit(.minutes(10)))
struct HypertableTests {
    private static func candles(_ times: String, market: Int = 1) -> String {
        """
        INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
        SELECT \(market), t, t + interval '1 minute', '{{1,2,3,4,5,6}}' FROM (\(times)) AS times(t)
        """
    }

    private static let someTimes = "VALUES (timestamptz '2021-03-04 05:06Z'), (now()), (now() + interval '500 days')"

    private static let layout = "SELECT records_layout('candle_sticks')"

    private func texts(_ connection: PostgresConnection, _ sql: String) async throws -> [String] {
        let rows = try await connection.execute(sql)
        return try rows.map { row throws(PostgresError) in try row.text(0) }
    }

    private func migrate(_ connection: PostgresConnection) async throws -> [String] {
        var notes: [String] = []
        _ = try await Migrator(Migration.load(from: Migration.folder())).migrate(connection) { notes.append($0) }
        return notes
    }

    /// A database with the extension whose tables have partitions of PostgreSQL itself, as before version 21.
    private func withPartitions(_ body: (TestDatabase, PostgresConnection) async throws -> Void) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            try await connection.script("SET candlepost.hypertables = off")
            _ = try await migrate(connection)
            #expect(try await texts(connection, Self.layout) == ["partitions"])
            try await connection.script("RESET candlepost.hypertables")
            try await body(database, connection)
            await connection.close()
        }
    }

    @Test func newTablesAreHypertables() async throws {
        try await withMigratedDatabase { _, connection in
            let layouts = "SELECT DISTINCT records_layout(relation::regclass) FROM record_tables"
            #expect(try await texts(connection, layouts) == ["hypertable"])
            try await connection.script(Self.candles(Self.someTimes))
            let again = await #expect(throws: PostgresError.self) {
                try await connection.script(Self.candles("VALUES (timestamptz '2021-03-04 05:06Z')"))
            }
            #expect(again?.sqlstate == "23505")
            let report = try await texts(connection, "SELECT finding FROM records_report()")
            #expect(report == ["5 hypertables with 3 chunks"])
            let bounds = """
                SELECT count(*) FROM record_partitions p JOIN candle_sticks c ON c.tableoid = p.partition
                WHERE c.interval_start >= from_time AND c.interval_start < upto_time AND upto_time - from_time <= interval '31 days'
                """
            #expect(try await connection.number(bounds) == 3)
            #expect(try await connection.execute("SELECT records_make_partitions()").int4(0, 0) == 0)
            let room = "SELECT records_make_room('CandleStick', '2016-01-01')"
            #expect(try await connection.execute(room).int4(0, 0) == 0)
            #expect(try await migrate(connection) == [])
        }
    }

    /// Nothing is copied; views, rights and columns that somebody added are as before.
    @Test func partitionsBecomeChunks() async throws {
        try await withPartitions { database, connection in
            let role = "test_reader_\(database.name)"
            try await connection.script(
                """
                CREATE ROLE \(role);
                GRANT SELECT, INSERT (charts) ON candle_sticks TO \(role);
                ALTER TABLE candle_sticks ADD COLUMN note text DEFAULT 'mine';
                CREATE VIEW mine WITH (security_barrier) AS SELECT market_id, note FROM candle_sticks;
                \(Self.candles(Self.someTimes)); \(Self.candles("VALUES (timestamptz '2019-01-01')", market: 7));
                """)
            let file = "SELECT relfilenode::text FROM pg_class WHERE relname = 'candle_sticks_first'"
            let before = try await texts(connection, file)
            let notes = try await migrate(connection)
            #expect(notes.count == 5, "\(notes)")
            #expect(notes.contains("candle_sticks is a hypertable with chunks of a month"))
            #expect(try await texts(connection, file) == before, "nothing was rewritten")
            let oldest = "SELECT from_time::text FROM record_partitions WHERE name = 'candle_sticks_first'"
            #expect(try await texts(connection, oldest) == ["2019-01-01 00:00:00+00"])
            try await connection.script(Self.candles("VALUES (timestamptz '2018-12-31')"))
            #expect(try await connection.number("SELECT count(*) FROM candle_sticks_first") == 2)
            for view in ["candles", "mine", "candle_sticks"] {
                #expect(try await connection.number("SELECT count(*) FROM \(view)") == 5)
            }
            let again = await #expect(throws: PostgresError.self) {
                try await connection.script(Self.candles("VALUES (timestamptz '2021-03-04 05:06Z')"))
            }
            #expect(again?.sqlstate == "23505")
            let rights = """
                SELECT bool_and(has_table_privilege('\(role)', r, 'SELECT'))
                       AND has_column_privilege('\(role)', 'candle_sticks', 'charts', 'INSERT')
                       AND NOT has_table_privilege('\(role)', 'candle_sticks', 'INSERT')
                FROM (SELECT partition AS r FROM record_partitions WHERE relation = 'candle_sticks'
                      UNION ALL SELECT 'candle_sticks'::regclass) AS relations
                """
            #expect(try await connection.execute(rights).bool(0, 0))
            #expect(try await connection.number("SELECT count(*) FROM pg_class WHERE relname ~ '_before$'") == 0)
            try await connection.script("DROP OWNED BY \(role); DROP ROLE \(role)")
        }
    }

    /// Where it would take long, it wants to be said.
    @Test func muchIsLeftAsItIs() async throws {
        try await withPartitions { _, connection in
            try await connection.script(Self.candles(Self.someTimes))
            let why = try await texts(connection, "SELECT records_become_hypertable('candle_sticks', 0)")
            #expect(why[0].hasPrefix("writers would wait while"), "\(why)")
            #expect(try await texts(connection, Self.layout) == ["partitions"])
            let done = "SELECT records_become_hypertable('candle_sticks') IS NULL"
            #expect(try await connection.execute(done).bool(0, 0))
            #expect(try await texts(connection, Self.layout) == ["hypertable"])
            #expect(try await connection.number("SELECT count(*) FROM candle_sticks") == 3)
        }
    }

    /// A retention of TimescaleDB's own would leave sums that don't agree.
    @Test func aRetentionPolicyIsNamed() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script("SELECT add_retention_policy('order_books', interval '30 days')")
            let findings = try await texts(connection, "SELECT finding FROM records_report() WHERE NOT is_fine")
            #expect(findings.count == 1 && findings[0].hasPrefix("order_books has a retention policy"), "\(findings)")
        }
    }

    @Test func chunksFollowTheLengthOfPartitions() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script("UPDATE record_tables SET period = 'week' WHERE relation = 'order_books'")
            let length = """
                SELECT time_interval::text FROM timescaledb_information.dimensions WHERE hypertable_name = 'order_books'
                """
            #expect(try await texts(connection, length) == ["7 days"])
        }
    }

    /// What comes again, or in another version, when the first one lies in the columnstore.
    @Test func aColumnstoreTakesDuplicatesAndRevisions() async throws {
        try await withMigratedDatabase { _, connection in
            let (time, end) = ("timestamptz '2021-03-04 05:06Z'", "timestamptz '2021-03-04 05:07Z'")
            try await connection.script(
                """
                \(Self.candles("VALUES (\(time))")); \(Self.candles("VALUES (\(time))", market: 2));
                ALTER TABLE candle_sticks SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'market_id',
                                               timescaledb.orderby = 'interval_start, interval_end');
                """)
            let chunk = try await texts(connection, "SELECT show_chunks('candle_sticks')::text")
            try await connection.script("CALL convert_to_columnstore('\(chunk[0])')")
            #expect(try await connection.number("SELECT count(*) FROM records_columnar_partitions()") == 1)
            try await connection.script(
                "\(Self.candles("VALUES (\(time)), (\(end))")) ON CONFLICT DO NOTHING")
            #expect(try await connection.number("SELECT count(*) FROM candle_sticks") == 3)
            let revise = """
                SELECT outcome FROM records_revise('CandleStick', NULL, false, ARRAY[1, 2], ARRAY[\(time), \(time)], ARRAY[\(end), \(end)],
                    '{NULL,NULL}', '{{},{}}', '{charts}',
                    '{float8[]}', ARRAY['{{1,2,3,4,5,7}}', '{{1,2,3,4,5,6}}']) ORDER BY place
                """
            let rows = try await connection.execute(revise)
            #expect(try rows.map { row throws(PostgresError) in try row.int4(0) } == [2, 0])
            let revised = "SELECT count(*) FROM candle_sticks WHERE revision = 2 AND charts[1][6] = 7"
            #expect(try await connection.number(revised) == 1)
        }
    }
}
