import Testing

@Suite("Candles that are not over yet") struct RevisionTests {
    private static let start: Int64 = 1_702_305_540_000
    private static let markets: Int32 = 20

    private func candle(_ market: Int32, _ close: Int, isClosed: Bool) -> Message {
        Message(
            market: market, start: Self.start,
            fields: "\"charts\":[[\(Self.start),1,9,1,\(close),1]],\"closed\":\(isClosed)")
    }

    /// Three versions from two replicas, out of order, while writers and a relay are killed between: the final one is stored, and
    /// announced last.
    @Test func theFinalVersionIsStoredAndAnnouncedLast() async throws {
        try await World.with { world in
            let settings = ["RECORD_REVISIONS": "CandleStick=latest:closed", "WRITER_BATCH_SIZE": "7"]
            world.gateway.start()
            let failpoint = "CANDLEPOST_FAILPOINT"
            let first = try await world.writer(settings.merging([failpoint: "writer.before_commit@4"]) { $1 })
            let killed = try await world.relay()
            let replicas: [(Int, Bool)] = [(2, false), (4, true), (2, false), (3, false), (4, true)]
            for (close, isClosed) in replicas {
                try await world.collector.publish(
                    (1...Self.markets).map { candle($0, close, isClosed: isClosed) })
            }
            #expect(try await first.ended() == .signal(9))
            let second = try await world.writer(settings.merging([failpoint: "writer.after_commit@6"]) { $1 })
            #expect(try await second.ended() == .signal(9))
            killed.kill(9)
            _ = try await killed.ended()
            let (writer, relay) = (try await world.writer(settings), try await world.relay())
            try await eventually("all is in the books") {
                try await world.number("SELECT sum(received) FROM ingest_batches") >= replicas.count * Int(Self.markets)
            }
            try await eventually("all is announced") {
                try await world.number("SELECT count(*) FROM outbox_audit WHERE state <> 'published'") == 0
            }
            for program in [writer, relay] { try await world.stop(program) }
            try await world.gateway.stop()
            let stored = "SELECT count(*) FROM candle_sticks WHERE charts[1][5] = 4 AND version = 1"
            #expect(try await world.number(stored) == Int(Self.markets))
            #expect(
                try await world.number("SELECT count(*) FROM outbox")
                    == world.number("SELECT sum(revision) FROM candle_sticks"))
            try await world.run("relay", "verify")

            // A consumer that follows the chain ends with the final version of each market.
            for market in 1...Self.markets {
                let ofMarket = world.gateway.deliveries.filter { $0.headers["x-market-id"] == .number(Int64(market)) }
                let last = try #require(ofMarket.max { $0.id < $1.id })
                #expect(last.body == candle(market, 4, isClosed: true).announced)
                let revision = try await world.number("SELECT revision FROM candle_sticks WHERE market_id = \(market)")
                if revision > 1 { #expect(last.headers["x-revision"] == .number(Int64(revision))) }
                #expect(ofMarket.first?.headers["x-revision"] == nil)
            }
        }
    }
}
