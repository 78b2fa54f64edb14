import Testing

@Suite("writer gaps") struct GapsTests {
    /// What was sent with two minutes left out is said to lack them, in each format.
    @Test func whatWasNotSentIsListed() async throws {
        try await World.with(markets: 3) { world in
            try await world.query(
                """
                INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
                SELECT 2, t, t + interval '1 minute', '{}'
                FROM generate_series(timestamptz '2026-01-01 00:00Z', '2026-01-01 00:59Z', '1 minute') AS t
                WHERE t NOT IN ('2026-01-01 00:07Z', '2026-01-01 00:08Z')
                """)
            let span = ["--since", "2026-01-01T00:00:00Z", "--until", "2026-01-01T01:00:00Z"]
            let program = try await world.start(.writer, ["gaps", "--kind", "CandleStick", "--csv"] + span)
            #expect(try await program.ended() == .status(0))
            #expect(
                program.output
                    == "market_id,exchange,symbol,gap_start,gap_end,interval,missing\r\n"
                    + "2,binance,M2/USDT,2026-01-01T00:07:00Z,2026-01-01T00:09:00Z,1m,2\r\n")
            #expect(program.log == "writer: 2 intervals are missing, in 1 gaps\n")
            let json = try await world.start(
                .writer, ["gaps", "--kind", "CandleStick", "--json", "--market", "2"] + span)
            #expect(try await json.ended() == .status(0))
            #expect(json.output.contains(#""gap_start":"2026-01-01T00:07:00Z","gap_end":"2026-01-01T00:09:00Z""#))
            #expect(json.output.contains(#""missing":2}"#))
            let none = try await world.start(.writer, ["gaps", "--kind", "Trade"] + span)
            #expect(try await none.ended() == .status(0))
            #expect(none.log == "writer: 0 intervals are missing, in 0 gaps\n")
            let wrong = try await world.start(.writer, ["gaps", "--kind", "Candlestick"])
            #expect(try await wrong.ended() == .status(64))
            #expect(wrong.log.contains("Did you mean CandleStick?"))
        }
    }
}
