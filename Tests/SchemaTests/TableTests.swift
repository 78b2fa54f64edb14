import Postgres
import TestSupport
import Testing

@Suite("What the tables promise", .timeLimit(.minutes(10)))
struct TableTests {
    @Test func candlesAreTheRowsOfTheCharts() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                INSERT INTO candle_sticks VALUES
                    (1, 'epoch', 'epoch'::timestamptz + interval '1 minute',
                     '{{1000,1,4,0.5,2,10,99},{61000,2,NULL,NULL,3,NULL,NULL}}'),
                    (2, 'epoch', 'epoch'::timestamptz + interval '1 minute', '{}')
                """)
            let rows = try await connection.execute(
                """
                SELECT market_id, open_time, open, high, low, close, volume, interval_start, interval_end
                FROM candles ORDER BY open_time
                """)
            #expect(rows.count == 2)
            #expect(rows.timestampMilliseconds(0, 1) == 1000 && rows.timestampMilliseconds(1, 1) == 61_000)
            #expect((2...6).map { rows.double(0, $0) } == [1, 4, 0.5, 2, 10])
            #expect((2...6).map { rows.isNull(1, $0) } == [false, true, true, false, true])
            #expect(rows.int4(1, 0) == 1 && rows.timestampMilliseconds(1, 8) == 60_000)
        }
    }

    @Test(arguments: [
        "DELETE FROM markets WHERE id = 1", "DELETE FROM markets WHERE false", "TRUNCATE markets",
        "TRUNCATE exchanges CASCADE", "UPDATE markets SET id = 1000 WHERE id = 1",
    ])
    func marketsNeverVanish(sql: String) async throws {
        try await withMigratedDatabase { _, connection in
            let error = try await #require(throws: PostgresError.self) { try await connection.execute(sql) }
            #expect(error.sqlstate == "23001")
            #expect(try await connection.number("SELECT count(*) FROM markets WHERE id <= 40") == 40)
        }
    }

    @Test func marketsMayChangeOtherwise() async throws {
        try await withMigratedDatabase { _, connection in
            let rows = try await connection.execute("UPDATE markets SET active = false, symbol = 'X' WHERE id = 1")
            #expect(rows.affectedRows == 1)
        }
    }

    @Test func changedMarketsAreAnnounced() async throws {
        try await withMigratedDatabase { database, connection in
            let listener = try await database.connect()
            try await listener.listen(to: "candlepost_markets")
            try await connection.script(
                "INSERT INTO markets (id, exchange_id, external_market_id, symbol) VALUES (99, 1, '', '')")
            #expect(try await listener.nextNotification(timeout: .seconds(60)))
            try await connection.script("UPDATE markets SET active = false WHERE id = 99")
            #expect(try await listener.nextNotification(timeout: .seconds(60)))
        }
    }

    @Test(arguments: [
        "INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 3, 1, 1, 0)",
        "INSERT INTO ingest_batches (writer, received, stored, duplicate, duplicate_other, quarantined) "
            + "VALUES ('w', 1, 0, 1, 2, 0)",
        "INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay) VALUES (0, 5, 5, 0, 'r')",
        "INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (1, 0, 'published')",
        "INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body) "
            + "VALUES (16, '', 1, now(), now(), '')",
    ])
    func whatCannotBeIsRefused(sql: String) async throws {
        try await withMigratedDatabase { _, connection in
            let error = try await #require(throws: PostgresError.self) { try await connection.execute(sql) }
            #expect(error.sqlstate == "23514")
        }
    }
}
