import Postgres
import ProgramRuntime
import Records
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Retention of records in hypertables", .needs(.timescaledb), .timeLimit(.minutes(10)))
struct HypertableRetentionTests {
    /// An order book of each of these ages in days with its outbox row, stored and announced at that time or just now.
    private func store(
        _ connection: PostgresConnection, ages: [Int], market: Int = 1, isLate: Bool = false
    ) async throws {
        let values = ages.map { "(\($0))" }.joined(separator: ",")
        try await connection.script(
            """
            INSERT INTO order_books (market_id, interval_start, interval_end, bids, asks, created_at)
            SELECT \(market), t, t + interval '1 minute', '{}', '{}', \(isLate ? "now()" : "t")
            FROM (VALUES \(values)) AS ages(age) CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) - age * interval '1 day') AS k(t);
            INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body, created_at)
            SELECT (market_id::bigint * 2654435761 & 4294967295) >> 28, 'OrderBook', market_id, interval_start, interval_end, '{}', created_at
            FROM order_books r WHERE NOT EXISTS (SELECT FROM outbox o WHERE o.interval_start = r.interval_start AND o.market_id = r.market_id) ORDER BY 5;
            INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined)
            VALUES ('w', \(ages.count), \(ages.count), 0, 0);
            """)
    }

    private func run(_ connection: PostgresConnection) async throws -> [Retention.Step] {
        try await Retention.records(connection, #require(RecordRetention("OrderBook=30d")), by: "somebody")
    }

    private func broken(_ connection: PostgresConnection) async throws -> [String] {
        try await Verification.run(connection).broken.map(\.name)
    }

    /// All of them, or those that are older than a day.
    private func convertToColumnstore(_ connection: PostgresConnection) async throws {
        try await connection.script(
            """
            ALTER TABLE order_books SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'market_id',
                                         timescaledb.orderby = 'interval_start, interval_end');
            """)
        let chunks = try await connection.execute(
            "SELECT show_chunks('order_books', older_than => now() - interval '2 days')::text")
        for chunk in try chunks.map({ row throws(PostgresError) in try row.text(0) }) {
            try await connection.script("CALL convert_to_columnstore('\(chunk)')")
        }
    }

    @Test(arguments: [false, true]) func whatIsOldGoesAndPromisesHold(isColumnar: Bool) async throws {
        try await withMigratedDatabase { _, connection in
            try await store(connection, ages: [0, 5, 29, 40, 90, 200])
            if isColumnar { try await convertToColumnstore(connection) }
            #expect(try await broken(connection) == [])
            let totals = try await VerificationTotals.read(connection)
            let scan = try await TableScan.run(connection, RecordKind.builtIn, totals, blocksPerPiece: 1) { _, _ in }
            #expect(scan.kinds["OrderBook"]?.match == true, "nothing has to be looked for")
            let steps = try await run(connection)
            #expect(steps.count == 3, "\(steps)")
            #expect(try await connection.number("SELECT count(*) FROM order_books") == 3)
            let verification = try await Verification.run(connection)
            #expect(verification.broken == [])
            #expect(verification.totals.droppedRecords.map(\.rows) == [3])
            #expect(try await run(connection) == [])
        }
    }

    /// Rows of a columnstore are counted, and missed.
    @Test func whatIsMissingIsFound() async throws {
        try await withMigratedDatabase { _, connection in
            try await store(connection, ages: [0, 5, 6, 40])
            try await convertToColumnstore(connection)
            try await connection.script(
                """
                DELETE FROM order_books WHERE interval_start BETWEEN now() - interval '5.5 days' AND now() - interval '4 days'
                """)
            #expect(try await broken(connection) == ["order_books without an outbox row, or the other way round"])
        }
    }

    /// A record that comes late is stored, in a chunk of its own, and goes when it has been there for a day.
    @Test func whatComesLateIsStored() async throws {
        try await withMigratedDatabase { _, connection in
            try await store(connection, ages: [0, 40])
            #expect(try await run(connection).count == 1)
            try await store(connection, ages: [50], isLate: true)
            #expect(try await run(connection) == [])
            #expect(try await broken(connection) == [])
            try await connection.script(
                """
                UPDATE order_books SET created_at = now() - interval '2 days' WHERE interval_start < now() - interval '45 days';
                UPDATE outbox SET created_at = now() - interval '2 days' WHERE interval_start < now() - interval '45 days';
                """)
            #expect(try await run(connection).count == 1)
            #expect(try await broken(connection) == [])
        }
    }

    /// A chunk that was noted and not dropped yet may take a record, and may be read for long.
    @Test func whatIsReadStaysForNow() async throws {
        try await withMigratedDatabase { database, connection in
            try await store(connection, ages: [0, 40])
            let reader = try await database.connect()
            try await reader.script("BEGIN; SELECT FROM order_books")
            let steps = try await run(connection)
            guard case .kept(partition: nil, why: let why)? = steps.first, steps.count == 1 else {
                Issue.record("\(steps)")
                return
            }
            #expect(why.contains("is being read"))
            #expect(try await broken(connection) == [])
            await reader.close()
            try await store(connection, ages: [40], market: 2, isLate: true)
            #expect(try await run(connection).count == 1)
            #expect(try await connection.number("SELECT rows FROM records_pruned") == 2)
            #expect(try await broken(connection) == [])
        }
    }
}
