import Postgres
import ProgramRuntime
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Retention of records", .timeLimit(.minutes(10)))
struct RecordRetentionTests {
    private static let monthForBooks = RecordRetention("OrderBook=30d,CandleStick=off")

    @Test(arguments: [
        "OrderBook", "OrderBook=30", "OrderBook=1h", "OrderBooks=30d", "OrderBook=30d,OrderBook=40d", "Trade=30d,", "",
    ])
    func whatIsNoRetentionIsRefused(text: String) {
        #expect(RecordRetention(text) == nil)
    }

    /// A record of each of these ages in days with its outbox row, stored and announced at that time or just now.
    private func store(_ connection: PostgresConnection, ages: [Int], isLate: Bool = false) async throws {
        let values = ages.map { "(\($0))" }.joined(separator: ",")
        try await connection.script(
            """
            INSERT INTO order_books (market_id, interval_start, interval_end, bids, asks, created_at)
            SELECT 1, t, t + interval '1 minute', '{}', '{}', \(isLate ? "now()" : "t")
            FROM (VALUES \(values)) AS ages(age) CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) - age * interval '1 day') AS k(t);
            INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body, created_at)
            SELECT (market_id::bigint * 2654435761 & 4294967295) >> 28, 'OrderBook', market_id, interval_start, interval_end, '{}', created_at
            FROM order_books r WHERE NOT EXISTS (SELECT FROM outbox o WHERE o.interval_start = r.interval_start) ORDER BY 5;
            INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined)
            VALUES ('w', \(ages.count), \(ages.count), 0, 0);
            """)
    }

    private func run(_ connection: PostgresConnection) async throws -> [Retention.Step] {
        try await Retention.records(connection, #require(Self.monthForBooks), by: "somebody")
    }

    /// The table begins again with partitions from 100 days ago on.
    private func beginLongAgo(_ connection: PostgresConnection) async throws {
        _ = try await connection.execute("SELECT records_make_room('OrderBook', now() - interval '100 days')")
    }

    @Test(.needsNativePartitions) func whatIsOldGoesAndPromisesHold() async throws {
        try await withMigratedDatabase { _, connection in
            try await beginLongAgo(connection)
            try await store(connection, ages: [0, 5, 29, 40, 90, 200])
            #expect(try await Verification.run(connection).broken == [])
            let steps = try await run(connection)
            #expect(steps.count == 71, "70 days and what is before them")
            #expect(try await connection.number("SELECT count(*) FROM order_books") == 3)
            #expect(try await connection.number("SELECT sum(rows)::bigint FROM records_pruned") == 3)
            let detached = "SELECT count(*) FROM pg_class WHERE relname ~ '^records_pruned_[0-9]+$'"
            #expect(try await connection.number(detached) == 0)
            let verification = try await Verification.run(connection)
            #expect(verification.broken == [])
            #expect(verification.totals.droppedRecords.map(\.rows) == [3])
            let line = "records  3 of order_books are older than"
            #expect(VerificationText.lines(verification).contains { $0.hasPrefix(line) })
            #expect(try await run(connection) == [])
        }
    }

    /// What is missing is found all the same, as long as it is not old.
    @Test func whatIsMissingIsStillFound() async throws {
        try await withMigratedDatabase { _, connection in
            try await beginLongAgo(connection)
            try await store(connection, ages: [0, 5, 40])
            _ = try await run(connection)
            try await connection.script("DELETE FROM order_books WHERE interval_start < now() - interval '4 days'")
            let broken = try await Verification.run(connection).broken
            #expect(broken.map(\.name) == ["order_books without an outbox row, or the other way round"])
            #expect(broken.first?.found == 1)
        }
    }

    /// A record that comes late is stored, and goes when it has been there for a day.
    @Test(.needsNativePartitions) func whatComesLateIsStored() async throws {
        try await withMigratedDatabase { _, connection in
            try await beginLongAgo(connection)
            try await store(connection, ages: [0, 40])
            _ = try await run(connection)
            try await store(connection, ages: [50], isLate: true)
            #expect(try await connection.number("SELECT count(*) FROM order_books_first") == 1)
            #expect(try await run(connection) == [])
            #expect(try await Verification.run(connection).broken == [])
            try await connection.script(
                """
                UPDATE order_books_first SET created_at = now() - interval '2 days';
                UPDATE outbox SET created_at = now() - interval '2 days' WHERE interval_start < now() - interval '45 days';
                """)
            #expect(try await run(connection) == [.dropped(partition: "order_books_first", rows: 1)])
            #expect(try await Verification.run(connection).broken == [])
        }
    }

    /// Between detaching and counting the relay may end; a reader may hold the table.
    @Test(.needsNativePartitions) func whatWasEndedInTheMiddleGoesOn() async throws {
        try await withMigratedDatabase { database, connection in
            try await beginLongAgo(connection)
            try await store(connection, ages: [0, 40])
            let reader = try await database.connect()
            try await reader.script("BEGIN; SELECT FROM order_books")
            #expect(try await run(connection) == [.kept(partition: "order_books", why: "order_books is being read")])
            try await reader.script("COMMIT")
            _ = try await connection.execute("SELECT records_detach('OrderBook', '30 days', 'somebody')")
            #expect(try await Verification.run(connection).broken == [])
            #expect(try await connection.number("SELECT count(*) FROM order_books") == 1)
            #expect(try await run(connection).count == 71)
            #expect(try await connection.number("SELECT sum(rows)::bigint FROM records_pruned") == 1)
            await reader.close()
        }
    }
}
