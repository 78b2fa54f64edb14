import Postgres
import Records
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Verifying in pieces", .timeLimit(.minutes(10)))
struct VerificationPieceTests {
    /// The smallest pieces: many of each table, and of each lane's ledger.
    private static let small = Verification.PieceSizes(blocks: 1, ledgerEntries: 3)

    /// 2,000 candles of the markets 1 to 40, in batches of which the ledger has entries of many sizes.
    private func withLongLog(_ body: (PostgresConnection) async throws -> Void) async throws {
        try await withMigratedDatabase { _, connection in
            for market in 1...40 {
                _ = try await connection.execute(
                    """
                    INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
                    SELECT $1, 'CandleStick', $2, t, t + interval '1 minute', repeat('x', 200)
                    FROM generate_series(1, 50) AS n, LATERAL (SELECT 'epoch'::timestamptz + make_interval(mins => n)) k(t)
                    """, [.int2(Int16(Lane.of(market: Int32(market)))), .int4(Int32(market))])
            }
            try await connection.script(
                """
                INSERT INTO candle_sticks SELECT market_id, interval_start, interval_end, '{}' FROM outbox;
                INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 2000, 2000, 0, 0);
                INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay)
                SELECT lane, coalesce(lag(id) OVER w, 0), id, n - coalesce(lag(n) OVER w, 0), 'r' FROM (
                    SELECT lane, id, row_number() OVER (PARTITION BY lane ORDER BY id) AS n FROM outbox) o
                WHERE id % 7 IN (0, 1) WINDOW w AS (PARTITION BY lane ORDER BY id)
                """)
            try await body(connection)
        }
    }

    @Test func piecesSeeEveryRowOnce() async throws {
        try await withLongLog { connection in
            var shares: [Double] = []
            let verification = try await Verification.run(connection, pieces: Self.small) { share, _ in
                shares.append(share)
            }
            #expect(verification.broken == [])
            #expect(verification.totals.outbox == 2000)
            #expect(shares == shares.sorted() && shares.count > 200 && shares.allSatisfy { (0..<1).contains($0) })
        }
    }

    @Test func aRowThatIsMissedByOneEntryAndFoundByAnotherIsSeen() async throws {
        try await withLongLog { connection in
            // Two that are wrong and add up: in all entries together there is nothing to see.
            try await connection.script(
                """
                WITH numbered AS (SELECT lane, after_id, row_number() OVER (ORDER BY lane, after_id) AS n FROM outbox_deliveries)
                UPDATE outbox_deliveries d SET rows = rows + CASE WHEN n = 40 THEN 1 ELSE -1 END
                FROM numbered WHERE (d.lane, d.after_id) = (numbered.lane, numbered.after_id) AND n IN (40, 200)
                """)
            let broken = try await Verification.run(connection, pieces: Self.small).broken
            #expect(broken.map(\.name) == ["ledger entries whose rows are not the log's"])
            #expect(broken.first?.found == 2 && broken.first?.examples.count == 2)
        }
    }

    /// As many records as rows, and yet not the same ones.
    @Test func numbersThatAgreeAreNotEnough() async throws {
        try await withLongLog { connection in
            try await connection.script(
                "UPDATE candle_sticks SET market_id = 99 WHERE market_id = 7 AND interval_start = 'epoch'::timestamptz + interval '9 minutes'"
            )
            let broken = try await Verification.run(connection, pieces: Self.small).broken
            #expect(broken.count == 1 && broken.first?.found == 2)
            #expect(
                broken.first?.examples.first
                    == "candle_sticks market 99 1970-01-01T00:09:00Z/1970-01-01T00:10:00Z has no outbox row")
        }
    }

    @Test func theLanesOfMarketsAreThoseOfTheWriter() async throws {
        try await withMigratedDatabase { _, connection in
            var random = SeededGenerator(state: 7)
            let markets = Array(1...2000) + (0..<5000).map { _ in Int32.random(in: 1...Int32.max, using: &random) }
            var array = BinaryArray(elementType: .int4, capacity: markets.count)
            for market in markets { array.append(int4: market) }
            let rows = try await connection.execute(
                "SELECT \(TableScan.laneOfMarket) FROM unnest($1::int[]) WITH ORDINALITY AS m(market_id, n) ORDER BY n",
                [.array(array)])
            #expect((0..<rows.count).map { Int(rows.int8($0, 0)) } == markets.map(Lane.of(market:)))
        }
    }

    /// The lock comes before the snapshot: whoever drops a partition before has done so, and afterwards has to wait.
    @Test func theLogIsLockedBeforeAnythingIsRead() async throws {
        try await withMigratedDatabase { database, other in
            try await other.script("BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            let connection = try await database.connect()
            async let verification = Verification.run(connection)
            try await other.waitUntil(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'outbox'::regclass)")
            try await other.log([(9, 1)])
            try await other.script("COMMIT")
            let totals = try await verification.totals
            #expect(totals.outbox == 1)
        }
    }
}
