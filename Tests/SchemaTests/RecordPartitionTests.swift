import Postgres
import Schema
import TestSupport
import Testing

@Suite("Partitions of records", .needsNativePartitions, .timeLimit(.minutes(10)))
struct RecordPartitionTests {
    private static let tables = ["candle_sticks", "order_books", "tickers", "trades", "exchange_rates"]

    private static func candles(_ times: String, market: Int = 1) -> String {
        """
        INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
        SELECT \(market), t, t + interval '1 minute', '{{1,2,3,4,5,6}}' FROM (\(times)) AS times(t)
        """
    }

    /// Runs `body` with a database whose tables of records are in one piece, as they were before version 17.
    private func withTablesInOnePiece(_ body: (TestDatabase, PostgresConnection) async throws -> Void) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            _ = try await Migrator(Array(migrations().prefix(16))).migrate(connection)
            try await body(database, connection)
            await connection.close()
        }
    }

    private func migrations() throws -> [Migration] { try Migration.load(from: try Migration.folder()) }

    private func texts(_ connection: PostgresConnection, _ sql: String) async throws -> [String] {
        let rows = try await connection.execute(sql)
        return try rows.map { row throws(PostgresError) in try row.text(0) }
    }

    private func step(_ connection: PostgresConnection) async throws -> String {
        try await texts(connection, "SELECT progress FROM records_adopt('candle_sticks')")[0]
    }

    private static let kind = "SELECT relkind::text FROM pg_class WHERE oid = 'candle_sticks'::regclass"

    /// More than eight megabytes, from which on the condition is made sure of beforehand.
    private static let manyCandles = candles(
        "SELECT timestamptz '2026-01-01 00:00Z' + n * interval '1 minute' FROM generate_series(1, 80000) n")

    @Test func aRecordOfAnyTimeHasAPlace() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                Self.candles("VALUES (timestamptz '1990-01-01'), (now()), (now() + interval '500 days')"))
            let places = try await texts(
                connection, "SELECT tableoid::regclass::text FROM candle_sticks ORDER BY interval_start")
            #expect(places[0] == "candle_sticks_first" && places[2] == "candle_sticks_last")
            #expect(places[1].hasPrefix("candle_sticks_from_20"))
            for table in Self.tables {
                let bounds = try await texts(
                    connection, "SELECT name::text FROM record_partitions WHERE relation = '\(table)'")
                #expect(bounds.count >= 4, "\(table): \(bounds)")
            }
            let again = await #expect(throws: PostgresError.self) {
                try await connection.script(Self.candles("VALUES (timestamptz '1990-01-01')"))
            }
            #expect(again?.sqlstate == "23505")
            // The warning of `check`, until there are partitions for it.
            let findings = try await texts(connection, "SELECT finding FROM records_report() WHERE NOT is_fine")
            #expect(findings.count == 1 && findings[0].hasPrefix("candle_sticks_last has records"))
        }
    }

    /// Rows are not copied; views, rights, indexes and columns that somebody added are as before.
    @Test(arguments: [false, true]) func aTableInOnePieceBecomesTheFirstPartition(isLarge: Bool) async throws {
        try await withTablesInOnePiece { database, connection in
            let role = "test_reader_\(database.name)"
            try await connection.script(
                """
                \(isLarge ? Self.manyCandles : Self.candles("VALUES (timestamptz '2026-01-01 00:01Z'), (now())"));
                CREATE ROLE \(role);
                GRANT SELECT, INSERT (charts) ON candle_sticks TO \(role);
                ALTER TABLE candle_sticks ADD COLUMN note text DEFAULT 'mine';
                CREATE INDEX candle_sticks_by_time ON candle_sticks (interval_end);
                CREATE VIEW mine WITH (security_barrier) AS SELECT market_id, note FROM candle_sticks;
                """)
            let count = try await connection.number("SELECT count(*) FROM candle_sticks")
            let files = "SELECT relfilenode::text FROM pg_class WHERE relname ="
            let before = try await texts(connection, "\(files) 'candle_sticks'")
            var notes: [String] = []
            _ = try await Migrator(migrations()).migrate(connection) { notes.append($0) }
            #expect(notes.count == (isLarge ? 7 : 5), "\(notes)")
            #expect(try await texts(connection, Self.kind) == ["p"])
            #expect(try await texts(connection, "\(files) 'candle_sticks_first'") == before, "nothing was rewritten")
            #expect(try await connection.number("SELECT count(*) FROM candle_sticks") == count)
            try await connection.script(Self.candles("VALUES (now() + interval '100 days')"))
            for view in ["candles", "mine"] {
                #expect(try await connection.number("SELECT count(*) FROM \(view)") == count + 1)
            }
            #expect(try await connection.number("SELECT count(*) FROM mine WHERE note = 'mine'") == count + 1)
            let rights = """
                SELECT bool_and(has_table_privilege('\(role)', r, 'SELECT'))
                       AND has_column_privilege('\(role)', 'candle_sticks', 'charts', 'INSERT')
                       AND NOT has_table_privilege('\(role)', 'candle_sticks', 'INSERT')
                FROM unnest('{candle_sticks,candle_sticks_first,candle_sticks_last}'::text[]) AS r
                """
            #expect(try await connection.execute(rights).bool(0, 0))
            let left = """
                SELECT (SELECT count(*) FROM pg_index WHERE indrelid = 'candle_sticks'::regclass AND NOT indisvalid)
                       + (SELECT count(*) FROM pg_constraint WHERE conname = 'records_first_until')
                """
            #expect(try await connection.number(left) == 0)
            #expect(try await Migrator(migrations()).migrate(connection).isEmpty)
            try await connection.script("DROP OWNED BY \(role); DROP ROLE \(role)")
        }
    }

    /// What was ended in the middle goes on; and if nobody goes on with it, the condition is taken away before its time comes.
    @Test func whatWasEndedInTheMiddleGoesOn() async throws {
        try await withTablesInOnePiece { database, connection in
            try await connection.script(Self.manyCandles)
            try await connection.script(
                """
                CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
                CREATE TRIGGER mine AFTER UPDATE ON candle_sticks EXECUTE FUNCTION nothing();
                """)
            var notes: [String] = []
            _ = try await Migrator(migrations()).migrate(connection) { notes.append($0) }
            #expect(notes.contains("candle_sticks stays in one piece: trigger mine"))
            try await connection.script("DROP TRIGGER mine ON candle_sticks")

            #expect(try await step(connection) == "again")
            let late = await #expect(throws: PostgresError.self) {
                try await connection.script(Self.candles("VALUES (now() + interval '100 days')"))
            }
            #expect(late?.sqlstate == "23514")
            _ = try await connection.execute("SELECT records_make_partitions()")
            try await connection.script(Self.candles("VALUES (now() + interval '40 days')"))

            #expect(try await step(connection) == "again")
            #expect(try await step(connection) == "again")
            await connection.close()
            let other = try await database.connect()
            #expect(try await texts(other, Self.kind) == ["r"])
            _ = try await Migrator(migrations()).migrate(other)
            #expect(try await texts(other, Self.kind) == ["p"])
            #expect(try await other.number("SELECT count(*) FROM candle_sticks_first") == 80_001)
            await other.close()
        }
    }

    /// While a writer's transaction is open, the table can't be taken; others write meanwhile.
    @Test func writersAreNotHeldUp() async throws {
        try await withTablesInOnePiece { database, connection in
            _ = try await Migrator(migrations()).migrate(connection)
            let anew = try migrations()[1].sql
            try await connection.script("DROP TABLE candle_sticks CASCADE; \(anew)")
            let (open, writer) = (try await database.connect(), try await database.connect())
            try await open.script("BEGIN; \(Self.candles("VALUES (now())"))")
            async let adopted = step(connection)
            try await writer.script("SET lock_timeout = '5s'")
            for market in 2...200 {
                try await writer.script(Self.candles("VALUES (now())", market: market))
            }
            try await open.script("COMMIT")
            #expect(try await adopted == "done")
            try await writer.script(Self.candles("VALUES (now())", market: 1000))
            #expect(try await writer.number("SELECT count(*) FROM candle_sticks") == 201)
        }
    }

    /// Nobody made partitions for a while: what was stored meanwhile goes where it belongs.
    @Test func partitionsAreMadeAheadAndFilled() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                DO $$ DECLARE p record; BEGIN
                    ALTER TABLE order_books DETACH PARTITION order_books_last;
                    FOR p IN SELECT name FROM record_partitions WHERE relation = 'order_books' AND from_time > '-infinity' LOOP
                        EXECUTE format('DROP TABLE %I', p.name);
                    END LOOP;
                    EXECUTE format('ALTER TABLE order_books ATTACH PARTITION order_books_last FOR VALUES FROM (%L) TO (MAXVALUE)',
                                   (SELECT upto_time FROM record_partitions WHERE name = 'order_books_first'));
                END $$;
                INSERT INTO order_books (market_id, interval_start, interval_end, bids, asks)
                SELECT 1, t, t + interval '1 second', '{}', '{}'
                FROM (VALUES (now()), (now() + interval '1 day'), (now() + interval '90 days')) AS times(t);
                """)
            #expect(try await connection.number("SELECT count(*) FROM order_books_last") == 3)
            let kept = try await connection.execute("SELECT records_make_partitions(2)").int4(0, 0)
            #expect(kept == 0, "there are more than it may move")
            #expect(try await connection.number("SELECT count(*) FROM order_books_last") == 3)
            let made = try await connection.execute("SELECT records_make_partitions()").int4(0, 0)
            #expect(made == 7)
            #expect(try await connection.number("SELECT count(*) FROM order_books_last") == 1)
            #expect(try await connection.number("SELECT count(*) FROM order_books") == 3)
            #expect(try await connection.execute("SELECT records_make_partitions()").int4(0, 0) == 0)
        }
    }

    @Test func roomIsMadeForABackfillOfYears() async throws {
        try await withMigratedDatabase { _, connection in
            let made = try await connection.execute("SELECT records_make_room('CandleStick', '2016-01-15')").int4(0, 0)
            #expect(made > 100)
            try await connection.script(
                Self.candles("VALUES (timestamptz '2015-12-31'), ('2016-01-01'), ('2016-02-01')"))
            let places = try await texts(
                connection, "SELECT tableoid::regclass::text FROM candle_sticks ORDER BY interval_start")
            #expect(places == ["candle_sticks_first", "candle_sticks_from_20160101", "candle_sticks_from_20160201"])
            let filled = await #expect(throws: PostgresError.self) {
                try await connection.execute("SELECT records_make_room('CandleStick', '2015-01-01')")
            }
            #expect(filled?.sqlstate == "55000")
        }
    }
}
