import Postgres
import Records
import TestSupport
import Testing

@Suite("The main path") struct MainPathTests {
    private static let start: Int64 = 1_702_305_540_000

    @Test func candlesAreStoredAndAnnounced() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.collector.publish(candles.next(2000))
            let history = try await world.check([relay, writer]) { $0.minimum = 2000 }
            #expect(history.deliveries.count == 2000)
            #expect(try await world.number("SELECT sum(stored) FROM ingest_batches") == 2000)
            #expect(try await world.number("SELECT sum(duplicate) + sum(quarantined) FROM ingest_batches") == 0)
        }
    }

    @Test(arguments: ["1", "50"]) func someOfAMarketMayBeUnconfirmed(count: String) async throws {
        try await World.with { world in
            var candles = Candles(markets: 2)
            let writer = try await world.writer()
            let relay = try await world.relay(["RELAY_UNCONFIRMED_PER_MARKET": count])
            world.gateway.start()
            try await world.collector.publish(candles.next(2000))
            let history = try await world.check([relay, writer]) { $0.minimum = 2000 }
            #expect(history.deliveries.count == 2000)
        }
    }

    @Test func anAnnouncementHasItsPropertiesAndHeaders() async throws {
        try await World.with { world in
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            let traced = Message(market: 3, start: Self.start, fields: #""charts":[]"#, trace: "9f8a1c2d")
            let plain = Message(market: 4, start: Self.start, fields: #""charts":[],"more":{"kept": [1, 2]}"#)
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            try await world.collector.publish([traced], headers: .traceparent(parent))
            try await world.collector.publish([plain])
            let history = try await world.check([relay, writer]) { $0.minimum = 2 }

            let (first, second) = try #require(Self.pair(history.deliveries))
            let created = try await world.query(
                "SELECT floor(extract(epoch FROM created_at))::bigint FROM outbox_audit ORDER BY id")
            #expect(
                first.properties == [
                    "content_type": .text("application/json"), "delivery_mode": .number(2),
                    "type": .text("CandleStick"), "message_id": .text("\(first.id)"),
                    "correlation_id": .text("9f8a1c2d"), "timestamp": .number(created.int8(0, 0)),
                    "app_id": .text("candlepost"),
                ])
            #expect(
                first.headers == [
                    "x-market-id": .number(3), "traceparent": .text(parent),
                ])
            #expect(second.properties["correlation_id"] == nil)
            #expect(second.headers == ["x-market-id": .number(4)])
        }
    }

    private static func pair(_ deliveries: [Announcement]) -> (Announcement, Announcement)? {
        let sorted = deliveries.sorted { $0.id < $1.id }
        return sorted.count == 2 ? (sorted[0], sorted[1]) : nil
    }

    @Test func theAuditViewTellsTheState() async throws {
        try await World.with { world in
            var candles = Candles(markets: 20)
            let writer = try await world.writer()
            try await world.collector.publish(candles.next(100))
            let pending = """
                SELECT count(*) FROM outbox_audit WHERE state = 'pending' AND attempts = 0 AND published_at IS NULL
                AND exchange = 'binance' AND symbol = 'M' || market_id || '/USDT'
                """
            try await eventually("all are stored") { try await world.number(pending) == 100 }
            let relay = try await world.relay()
            world.gateway.start()
            try await world.check([relay, writer]) { $0.minimum = 100 }
            let published = """
                SELECT count(*) FROM outbox_audit WHERE state = 'published' AND attempts = 1
                AND published_at >= created_at AND last_error IS NULL
                """
            #expect(try await world.number(published) == 100)
        }
    }

    @Test func theCandlesViewShowsEachCandle() async throws {
        try await World.with { world in
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            let rows = "[\(Self.start),1.5,2.5,1.25,2,10.5],[\(Self.start + 30_000),2,3,2,null,0,7]"
            try await world.collector.publish([
                Message(market: 1, start: Self.start, fields: "\"charts\":[\(rows)]"),
                Message(market: 2, start: Self.start, fields: #""charts":[]"#),
            ])
            try await world.check([relay, writer]) { $0.isDrained = true }
            let view = try await world.query(
                """
                SELECT concat_ws(' ', market_id, extract(epoch FROM open_time)::bigint, open, high, low,
                                 coalesce(close::text, 'null'), volume, interval_end - interval_start)
                FROM candles ORDER BY open_time
                """)
            let seconds = Self.start / 1000
            #expect(
                (0..<view.count).map { view.text($0, 0) } == [
                    "1 \(seconds) 1.5 2.5 1.25 2 10.5 00:01:00", "1 \(seconds + 30) 2 3 2 null 0 00:01:00",
                ])
        }
    }

    @Test func allFiveKindsGoThrough() async throws {
        try await World.with { world in
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            let iso = #""intervalStart":"2023-12-11T14:39:00Z","intervalEnd":"2023-12-11T15:40:00.000+01:00""#
            try await world.collector.publish([
                Message(market: 1, start: Self.start, fields: #""charts":[[1702305540000,1,1,1,1,1]]"#, times: iso),
                Message(.orderBook, market: 1, start: Self.start, fields: #""bids":[[42000.5,0.25]],"asks":[]"#),
                Message(.ticker, market: 1, start: Self.start, fields: #""high":42001,"low":null,"vwap":1e-8"#),
                Message(.trade, market: 1, start: Self.start, fields: #""tradesInfo":[[1,42000,0.5,1702305541000]]"#),
                Message(
                    .exchangeRate, market: 1, start: Self.start,
                    fields: #""poolASize":"12345678901234567890.123456789","poolBSize":2,"exchangeRate":"0.10""#),
            ])
            let history = try await world.check([relay, writer]) { $0.minimum = 5 }
            #expect(Set(history.records.map(\.id.kind)) == Set(RecordKind.all.map(\.name)))
            let stored = """
                SELECT concat_ws(' ', bids, asks, high, low, vwap, high IS NULL, trades_info, pool_a_size, exchange_rate)
                FROM order_books JOIN tickers USING (market_id, interval_start, interval_end)
                JOIN trades USING (market_id, interval_start, interval_end)
                JOIN exchange_rates USING (market_id, interval_start, interval_end)
                """
            #expect(
                try await world.query(stored).text(0, 0)
                    == "{{42000.5,0.25}} {} 42001 1e-08 f {{1,42000,0.5,1702305541000}} 12345678901234567890.123456789 0.10"
            )
            try await checkerSeesEachKind(world)
        }
    }

    /// A record that is not what was announced is torn, whatever its kind.
    private func checkerSeesEachKind(_ world: World) async throws {
        for change in [
            "candle_sticks SET charts[1][2] = 7", "order_books SET bids[1][1] = 7", "tickers SET vwap = 7",
            "trades SET trades_info[1][2] = 7", "exchange_rates SET pool_a_size = pool_a_size + 1e-9",
        ] {
            try await world.query("UPDATE \(change)")
        }
        let connection = try await world.database.connect()
        var history = History()
        try await HistoryReader(connection: connection).read(into: &history)
        await connection.close()
        #expect(history.records.map(\.isAsAnnounced) == [false, false, false, false, false])
    }
}
