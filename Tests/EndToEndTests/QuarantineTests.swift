import Postgres
import Records
import TestSupport
import Testing

@Suite("Quarantine") struct QuarantineTests {
    private static let start: Int64 = 1_702_305_540_000

    /// A candle's body with these payload fields.
    private static func body(_ fields: String, end: Int64 = start + 60_000, tail: String = "") -> [UInt8] {
        let times = "\"intervalStart\":\(start),\"intervalEnd\":\(end)"
        return Array("{\"exchange\":\"binance\",\"symbol\":\"A/B\",\"payload\":{\(times),\(fields)}}\(tail)".utf8)
    }

    /// Bodies that can't be a record, each with the reason that it must get.
    private static let poison: [(body: [UInt8], reason: String)] = [
        (Array("not JSON".utf8), "not_json"),
        ([], "not_json"),
        ([0x7B, 0xFF, 0xFE, 0x00, 0x7D], "not_json"),
        (body(#""charts":[],"marketId":1"#).dropLast(), "not_json"),
        (body(#""charts":[],"marketId":1"#, tail: "x"), "not_json"),
        ([0xEF, 0xBB, 0xBF] + body(#""charts":[],"marketId":1"#), "not_json"),
        (body(#""charts":[[1702305540000,NaN,1,1,1,1]],"marketId":1"#), "not_json"),
        (body(#""marketId":1"#), "missing_field"),
        (body(#""charts":[]"#), "missing_field"),
        (body(#""charts":"none","marketId":1"#), "wrong_type"),
        (body(#""charts":[],"marketId":"1; DROP TABLE markets""#), "wrong_type"),
        (body(#""charts":[],"marketId":-1"#), "out_of_range"),
        (body(#""charts":[],"marketId":1"#, end: start), "out_of_range"),
        (body(#""charts":[[1702305540000,1,1,2,1,1]],"marketId":1"#), "out_of_range"),
        (body(#""charts":[],"charts":[],"marketId":1"#), "duplicate_field"),
        (
            body(
                "\"charts\":[],\"marketId\":1,\"x\":" + String(repeating: "[", count: 2000)
                    + String(repeating: "]", count: 2000)), "too_deep"
        ),
        (body("\"charts\":[],\"marketId\":1,\"x\":\"" + String(repeating: "x", count: 200_000) + "\""), "too_large"),
        (body(#""charts":[],"marketId":4711"#), "unknown_market"),
    ].map { (Array($0.0), $0.1) }

    @Test func whatCannotBeARecordIsKeptAndTheRestGoesOn() async throws {
        try await World.with { world in
            let writer = try await world.writer(["WRITER_MAX_MESSAGE_BYTES": "100000"])
            let relay = try await world.relay()
            world.gateway.start()
            var candles = Candles()
            for poison in Self.poison {
                try await world.collector.publish(candles.next(20))
                try await world.collector.publish([Message(poison: poison.body)], headers: .traceparent("parent"))
            }
            try await world.collector.publish(candles.next(20))
            let history = try await world.check([relay, writer]) { $0.minimum = Self.poison.count }
            #expect(history.records.count == (Self.poison.count + 1) * 20)

            let rows = try await world.query("SELECT body, reason, queue, headers ->> 'traceparent' FROM quarantine")
            let reasons = Dictionary(
                uniqueKeysWithValues: (0..<rows.count).map { (Array(rows.bytes($0, 0)), rows.text($0, 1)) })
            for poison in Self.poison {
                #expect(
                    reasons[poison.body] == poison.reason,
                    "\(String(decoding: poison.body.prefix(300), as: UTF8.self))")
            }
            for row in 0..<rows.count {
                #expect(rows.text(row, 2) == RecordKind.candleStick.queue)
                #expect(rows.text(row, 3) == "parent")
            }
        }
    }

    @Test func aRowThatOnlyTheDatabaseRefusesStandsAlone() async throws {
        try await World.with { world in
            try await world.query(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'a rule of the house'; END $$
                """)
            try await world.query(
                """
                CREATE TRIGGER refuse BEFORE INSERT ON candle_sticks FOR EACH ROW WHEN (NEW.charts[1][2] = 13)
                EXECUTE FUNCTION refuse()
                """)
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            var candles = Candles()
            let refused = Self.body(#""charts":[[1702305540000,13,14,12,13,1]],"marketId":1"#, end: Self.start + 1)
            try await world.collector.publish(candles.next(300) + [Message(poison: refused)] + candles.next(300))
            try await world.check([relay, writer]) { $0.minimum = 601 }
            #expect(try await world.query("SELECT reason FROM quarantine").text(0, 0) == "refused_by_database")
        }
    }

    @Test func aMarketIsKnownAsSoonAsItIsImported() async throws {
        try await World.with(markets: 0) { world in
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            for market in Int32(1)...5 {
                let early = Message(market: market, start: Self.start, fields: #""charts":[]"#)
                try await world.collector.publish([early])
                let count = "SELECT count(*) FROM quarantine WHERE reason = 'unknown_market'"
                try await eventually("the market is unknown") { try await world.number(count) == Int(market) }
                try await importMarket(market, world)
                let late = Message(market: market, start: Self.start + 60_000, fields: #""charts":[]"#)
                try await world.collector.publish([late])
            }
            // What came too early is stored, too, when its market comes.
            let history = try await world.check([relay, writer]) {
                $0.minimum = 10
                $0.isInOrderOfArrival = false
            }
            #expect(history.records.count == 10)
            #expect(try await world.number("SELECT count(*) FROM quarantine WHERE resolution = 'stored'") == 5)
        }
    }

    private func importMarket(_ id: Int32, _ world: World) async throws {
        let header = "exchange_id,external_exchange_id,exchange_name,id,external_market_id,symbol,base,quote,active"
        let line = "1,binance,Binance,\(id),M\(id),M\(id)/USDT,M\(id),USDT,true"
        try await TemporaryFile.with("\(header)\n\(line)\n", ".csv") { file in
            let output = try await world.run("writer", "markets", "import", file)
            #expect(output.contains("markets: 1 added or changed, of 1"))
        }
    }
}
