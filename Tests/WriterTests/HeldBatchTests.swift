import Logging
import Postgres
import ProgramRuntime
import Records
import Schema
import TestSupport
import Testing

@testable import Storing
@testable import Writer

/// Faults of the database that are no row's fault: the batch is held, said why, and stored when the fault is mended.
@Suite("Held, not put aside", .timeLimit(.minutes(10)))
struct HeldBatchTests {
    /// Stores messages while something is wrong, waits until that is said, mends it, and returns what was stored and said.
    private func hold(
        _ messages: Messages, _ breaking: String, saying words: String,
        mending: (String, PostgresConnection) async throws -> Void
    ) async throws -> (result: StoreResult, quarantined: Int64, stored: Int64) {
        try await withMigratedDatabase { database, connection in
            try await connection.script(breaking)
            let readiness = Readiness()
            let store = RecordStore.make(database, readiness: readiness)
            async let storing = store.store(messages)
            var said = ""
            while !said.contains(words) {
                try await connection.ping(timeout: .seconds(5))
                said = readiness.snapshot.missing(at: .now).joined()
            }
            try await mending(said, connection)
            let result = try await storing
            #expect(readiness.snapshot.isReady)
            return (
                result, try await connection.number("SELECT count(*) FROM quarantine"),
                try await connection.number("SELECT count(*) FROM candle_sticks")
            )
        }
    }

    private static func candles(_ count: Int) -> Messages {
        Messages((0..<count).map { Messages.candle(market: Int32($0 % 7 + 1), start: Int64($0)) })
    }

    /// Stores messages after something was done to the database that a session mends by itself when it begins.
    private func store(_ messages: Messages, after breaking: String) async throws -> (StoreResult, stored: Int64) {
        try await withMigratedDatabase { database, connection in
            try await connection.script(breaking)
            let result = try await RecordStore.make(database).store(messages)
            return (result, try await connection.number("SELECT count(*) FROM candle_sticks"))
        }
    }

    @Test(arguments: [1, 100]) func idsBeyondTheLastPartitionGetOne(count: Int) async throws {
        let (result, stored) = try await store(
            Self.candles(count), after: "SELECT setval('outbox_id_seq', (SELECT max(upto_id) FROM outbox_partitions))")
        #expect(result.stored[0] == count && stored == Int64(count) && result.quarantined.isEmpty)
    }

    @Test(arguments: [
        ("ingest_batches", "writer, received, stored, duplicate, quarantined", "'w', 0, 0, 0, 0"),
        (
            "quarantine", "queue, reason, detail, body, resolved_at, resolution",
            "'q', 'r', 'd', '', now(), 'discarded'"
        ),
        (
            "conflicting_duplicates", "record_type, market_id, interval_start, interval_end, payload",
            "'CandleStick', 1, now(), now(), ''"
        ),
    ])
    func anIdentityBehindItsTableIsMovedAhead(table: String, columns: String, values: String) async throws {
        var messages = Self.candles(3)
        messages.add(Messages.candle(market: 1, start: 0, close: "3"))
        messages.add("nonsense")
        let (result, stored) = try await store(
            messages,
            after: """
                INSERT INTO \(table) (id, \(columns)) OVERRIDING SYSTEM VALUE
                SELECT n, \(values) FROM generate_series(1, 100000) AS n
                """)
        #expect(result.stored[0] == 3 && result.duplicateOther[0] == 1)
        #expect(result.quarantined == [.notJSON: 1] && stored == 3)
    }

    private static let blanket = [
        (
            "ALTER TABLE candle_sticks ADD CONSTRAINT never CHECK (false) NOT VALID",
            "ALTER TABLE candle_sticks DROP CONSTRAINT never"
        ),
        ("ALTER TABLE candle_sticks ADD COLUMN new integer NOT NULL", "ALTER TABLE candle_sticks DROP COLUMN new"),
        (
            "ALTER TABLE candle_sticks ADD CONSTRAINT old CHECK (interval_start > '2100-01-01') NOT VALID",
            "ALTER TABLE candle_sticks DROP CONSTRAINT old"
        ),
        (
            """
            CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed'; END $$;
            CREATE TRIGGER closed BEFORE INSERT ON candle_sticks FOR EACH ROW EXECUTE FUNCTION closed()
            """, "DROP TRIGGER closed ON candle_sticks"
        ),
        (
            """
            CREATE SEQUENCE short MAXVALUE 2; SELECT nextval('short'), nextval('short');
            ALTER TABLE candle_sticks ADD COLUMN number bigint;
            ALTER TABLE candle_sticks ALTER COLUMN number SET DEFAULT nextval('short')
            """, "ALTER TABLE candle_sticks ALTER COLUMN number DROP DEFAULT"
        ),
    ]

    @Test(arguments: blanket, [1, 3, 60])
    func aTableThatTakesNoRecord(fault: (breaking: String, mending: String), count: Int) async throws {
        let held = try await hold(Self.candles(count), fault.breaking, saying: "candle_sticks") { _, connection in
            try await connection.script(fault.mending)
        }
        #expect(held.result.stored[0] == count && held.stored == Int64(count) && held.quarantined == 0)
    }
}

/// Constraints that somebody adds to a record table.
@Suite("What only the database refuses", .timeLimit(.minutes(10)))
struct AddedConstraintTests {
    private static func candle(end: Int64, close: String = "2") -> String {
        Messages.candle(close: close).replacing(
            #""intervalEnd":\#(Messages.epoch * 60_000 + 60_000)"#,
            with: #""intervalEnd":\#(Messages.epoch * 60_000 + end)"#)
    }

    /// Together and each alone: none counts as a duplicate of a record that is not there.
    @Test(arguments: [1, 3]) func aUniqueIndexRefusesWhatItRefuses(size: Int) async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.script("CREATE UNIQUE INDEX ON candle_sticks (market_id, interval_start)")
            let bodies = [60_000, 120_000, 180_000].map { Self.candle(end: $0) }
            let store = RecordStore.make(database)
            var sum = StoreResult()
            for start in stride(from: 0, to: 3, by: size) {
                sum += try await store.store(Messages(Array(bodies[start..<start + size])))
            }
            #expect(sum.stored[0] == 1 && sum.duplicateCount == 0 && sum.quarantined == [.refusedByDatabase: 2])
            #expect(try await connection.number("SELECT count(*) FROM quarantine WHERE detail LIKE '23505: %'") == 2)
        }
    }

    @Test(arguments: [
        "ALTER TABLE candle_sticks ADD CHECK (charts[1][5] <> 666)",
        """
        CREATE FUNCTION bad() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF new.charts[1][5] = 666 THEN RAISE 'bad'; END IF; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER bad AFTER INSERT ON candle_sticks DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION bad()
        """,
        """
        CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF new.charts[1][5] = 666 THEN RETURN NULL; END IF; RETURN new; END $$;
        CREATE TRIGGER skip BEFORE INSERT ON candle_sticks FOR EACH ROW EXECUTE FUNCTION skip()
        """,
    ]) func oneThatIsAloneIsRefused(constraint: String) async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database)
            try await connection.script(constraint)
            try await Self.refusesOneAndTakesTheNext(store)
        }
    }

    /// A table with partitions takes no such constraint, a partition does.
    @Test(.needsNativePartitions) func oneThatExcludesAnotherIsRefused() async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database)
            try await store.store(Messages([Messages.candle(start: 7, close: "666")]))
            try await connection.script(
                """
                ALTER TABLE candle_sticks ADD COLUMN close double precision GENERATED ALWAYS AS (charts[1][5]) STORED;
                ALTER TABLE candle_sticks_first ADD EXCLUDE USING btree (close WITH =) DEFERRABLE INITIALLY DEFERRED
                """)
            try await Self.refusesOneAndTakesTheNext(store)
        }
    }

    private static func refusesOneAndTakesTheNext(_ store: RecordStore) async throws {
        let result = try await store.store(Messages([Messages.candle(start: 8, close: "666")]))
        #expect(result.quarantined == [.refusedByDatabase: 1] && result.duplicateCount == 0)
        #expect(try await store.store(Messages([Messages.candle(start: 9)])).stored[0] == 1)
    }
}
