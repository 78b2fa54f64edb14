import Postgres
import Records
import TestSupport
import Testing

@Suite("Duplicates") struct DuplicateTests {
    private static let start: Int64 = 1_702_305_540_000

    private func candle(_ market: Int32, close: Int) -> Message {
        Message(market: market, start: Self.start, fields: "\"charts\":[[\(Self.start),1,9,1,\(close),1]]")
    }

    /// What the writer's ledger says: batches, received, stored, duplicate, and of these with other content.
    private func ledger(_ world: World) async throws -> [Int] {
        let rows = try await world.query(
            """
            SELECT count(*), sum(received), sum(stored), sum(duplicate), sum(duplicate_other) FROM ingest_batches
            WHERE received > 0 HAVING count(*) > 0
            """)
        return rows.count == 0 ? [] : (0..<5).map { Int(rows.int8(0, $0)) }
    }

    private func metrics(_ writer: Program) async -> [Double?] {
        let name = "candlepost_writer_duplicates_total"
        return [await writer.metric(name, "content=\"same\""), await writer.metric(name, "content=\"other\"")]
    }

    @Test func theFirstOfABatchWins() async throws {
        try await World.with { world in
            // The batch closes by count, so all of them are in one.
            let writer = try await world.writer(["WRITER_BATCH_SIZE": "6", "WRITER_BATCH_DELAY_MS": "10000"])
            let relay = try await world.relay()
            world.gateway.start()
            try await world.collector.publish([
                candle(1, close: 2), candle(1, close: 2), candle(2, close: 5), candle(1, close: 3), candle(1, close: 2),
                candle(2, close: 5),
            ])
            try await eventually("all are stored") { try await ledger(world) == [1, 6, 2, 4, 1] }
            try await eventually("all are counted") { await metrics(writer) == [3, 1] }
            let history = try await world.check([relay, writer]) { $0.minimum = 6 }
            #expect(history.deliveries.map(\.body).contains(candle(1, close: 2).announced))
            #expect(history.deliveries.count == 2)
        }
    }

    @Test func theFirstOfSeveralBatchesWins() async throws {
        try await World.with { world in
            let writer = try await world.writer(["WRITER_BATCH_SIZE": "1"])
            let relay = try await world.relay()
            world.gateway.start()
            for close in [2, 2, 3, 2] { try await world.collector.publish([candle(1, close: close)]) }
            try await eventually("all are stored") { try await ledger(world) == [4, 4, 1, 3, 1] }
            try await eventually("all are counted") { await metrics(writer) == [2, 1] }
            let history = try await world.check([relay, writer]) { $0.minimum = 4 }
            #expect(history.deliveries.map(\.body) == [candle(1, close: 2).announced])
            let kept = "SELECT count(*) FROM conflicting_duplicates WHERE payload LIKE '%,9,1,3,1]%' AND market_id = 1"
            #expect(try await world.number(kept) == 1)
        }
    }

    @Test func twoWritersStoreTheSameMessagesOnce() async throws {
        try await World.with { world in
            var candles = Candles(markets: 30)
            let settings = ["WRITER_BATCH_SIZE": "100", "WRITER_PREFETCH": "200"]
            let writers = [try await world.writer(settings), try await world.writer(settings)]
            let relay = try await world.relay()
            world.gateway.start()
            // Every message twice, in other orders, so that both writers insert the same keys at the same time.
            let messages = candles.next(1500)
            var generator = SeededGenerator(seed: 7)
            async let first: Void = world.collector.publish(messages.shuffled(using: &generator))
            let other = try Collector(world.host)
            try await other.publish(messages.reversed())
            try await first
            let received = "SELECT sum(received) FROM ingest_batches"
            try await eventually("all are stored") { try await world.number(received) >= 3000 }
            try await world.check(writers + [relay]) {
                $0.minimum = 1500
                $0.isInOrderOfArrival = false
            }

            #expect(try await world.number("SELECT count(DISTINCT writer) FROM ingest_batches") == 2)
            let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            #expect(try await world.number(deadlocks) == 0)
            for writer in writers { #expect(!writer.log.contains("40P01")) }
        }
    }
}
