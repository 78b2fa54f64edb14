import Postgres
import TestSupport
import Testing

@Suite("Questions that are asked of records", .timeLimit(.minutes(10)))
struct QueryTests {
    /// Candles of a minute of these markets from 2026-01-01T00:00Z on: for each minute that is given.
    private func fill(_ connection: PostgresConnection, market: Int, minutes: String) async throws {
        try await connection.script(
            """
            INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
            SELECT \(market), t, t + interval '1 minute',
                   ARRAY[ARRAY[extract(epoch FROM t) * 1000, n, n + 2, n - 2, n + 1, 10]]
            FROM (SELECT n, timestamptz '2026-01-01 00:00Z' + n * interval '1 minute' AS t
                  FROM unnest(ARRAY(\(minutes))) AS n) minutes
            """)
    }

    private func gaps(
        _ connection: PostgresConnection, since: String = "2026-01-01 00:00Z", until: String = "2026-01-01 01:00Z",
        market: String = "NULL", length: String = "NULL"
    ) async throws -> [String] {
        let rows = try await connection.execute(
            """
            SELECT concat_ws(' ', market_id, to_char(gap_start AT TIME ZONE 'UTC', 'DD HH24:MI'),
                             to_char(gap_end AT TIME ZONE 'UTC', 'DD HH24:MI'), usual_length, missing)
            FROM records_gaps('CandleStick', '\(since)', '\(until)', \(market), \(length))
            """)
        return (0..<rows.count).map { rows.text($0, 0) }
    }

    @Test func holesAreFoundBetweenRecordsAndAtTheEnds() async throws {
        try await withMigratedDatabase { _, connection in
            try await fill(connection, market: 1, minutes: "SELECT generate_series(0, 59)")  // complete
            try await fill(
                connection, market: 2, minutes: "SELECT n FROM generate_series(0, 59) n WHERE n NOT IN (7, 8, 30)")
            try await fill(connection, market: 3, minutes: "SELECT generate_series(-100, -90)")  // nothing since
            try await fill(connection, market: 4, minutes: "SELECT generate_series(40, 57)")  // its first record
            #expect(
                try await gaps(connection) == [
                    "2 01 00:07 01 00:09 00:01:00 2", "2 01 00:30 01 00:31 00:01:00 1",
                    "3 01 00:00 01 01:00 00:01:00 60", "4 01 00:58 01 01:00 00:01:00 2",
                ])
            #expect(try await gaps(connection, market: "1").isEmpty)
            #expect(
                try await gaps(connection, until: "2026-01-01 00:08:30Z", market: "2")
                    == ["2 01 00:07 01 00:08 00:01:00 1"])
        }
    }

    /// A market may have intervals of several lengths: the longer ones would hide what is missing of the shorter ones.
    @Test func intervalsOfOneLengthAreLookedAtAlone() async throws {
        try await withMigratedDatabase { _, connection in
            try await fill(connection, market: 1, minutes: "SELECT n FROM generate_series(0, 59) n WHERE n <> 20")
            try await connection.script(
                """
                INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
                VALUES (1, '2026-01-01 00:00Z', '2026-01-01 01:00Z', '{}');
                """)
            #expect(try await gaps(connection).isEmpty)
            #expect(try await gaps(connection, length: "'1 minute'") == ["1 01 00:20 01 00:21 00:01:00 1"])
        }
    }

    @Test func marketsThatAreNotActiveAreLeftOutUnlessNamed() async throws {
        try await withMigratedDatabase { _, connection in
            try await fill(connection, market: 1, minutes: "SELECT n FROM generate_series(0, 59) n WHERE n <> 20")
            try await connection.script("UPDATE markets SET active = false WHERE id = 1")
            #expect(try await gaps(connection).isEmpty)
            #expect(try await gaps(connection, market: "1").count == 1)
            let error = try await #require(throws: PostgresError.self) {
                try await connection.execute("SELECT FROM records_gaps('Candle', now(), now())")
            }
            #expect(error.sqlstate == "22023")
        }
    }

    @Test func theLastCandleOfEachMarket() async throws {
        try await withMigratedDatabase { _, connection in
            try await fill(connection, market: 1, minutes: "SELECT generate_series(0, 9)")
            try await fill(connection, market: 2, minutes: "SELECT generate_series(0, 4)")
            try await connection.script(
                """
                INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
                VALUES (2, '2026-01-01 00:05Z', '2026-01-01 00:06Z', '{}');
                """)
            let rows = try await connection.execute("SELECT market_id, open, symbol FROM latest_candles ORDER BY 1")
            #expect(rows.count == 2 && rows.int4(0, 0) == 1 && rows.double(0, 1) == 9)
            #expect(rows.int4(1, 0) == 2 && rows.double(1, 1) == 4 && rows.text(1, 2) == "M2/USDT")
        }
    }

    @Test func candlesAreThePartsOfLargerOnes() async throws {
        try await withMigratedDatabase { _, connection in
            try await fill(connection, market: 1, minutes: "SELECT generate_series(50, 130)")
            let rows = try await connection.execute(
                """
                SELECT extract(hour FROM open_time AT TIME ZONE 'UTC')::int8, open, high, low, close, volume, candle_count
                FROM larger_candles(1, '1 hour', '2026-01-01 00:00Z', '2026-01-01 02:00Z')
                """)
            #expect(rows.count == 2)
            #expect(rows.int8(0, 0) == 0 && rows.int8(1, 0) == 1)
            #expect((1...5).map { rows.double(0, $0) } == [50, 61, 48, 60, 100])
            #expect((1...5).map { rows.double(1, $0) } == [60, 121, 58, 120, 600])
            #expect(rows.int8(0, 6) == 10 && rows.int8(1, 6) == 60)
        }
    }
}
