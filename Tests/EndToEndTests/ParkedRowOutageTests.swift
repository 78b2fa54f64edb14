import Postgres
import TestSupport
import Testing

/// Among the tests that have servers to themselves, because the limit holds for all of a broker's channels.
@Suite("A row that the broker rejects", .serialized, .enabled(if: Servers.mayBeStopped))
struct ParkedRowOutageTests {
    @Test func isParkedAfterItsAttemptsAndTheOthersGoOn() async throws {
        try await World.with(markets: 8) { world in
            var candles = Candles(markets: 8)
            let writer = try await world.writer()
            // A candle in the middle is larger than the broker will take by then.
            let before = candles.next(80)
            let big = Message(
                market: 3, start: 1_800_000_000_000,
                fields: "\"charts\":[],\"filler\":\"\(String(repeating: "x", count: 200_000))\"",
                trace: "big")
            let after = candles.next(80)
            let trace = "0af7651916cd43dd8448eb211c80319c"
            try await world.collector.publish(before)
            try await world.collector.publish([big], headers: .traceparent("00-\(trace)-b7ad6b7169203331-00"))
            try await world.collector.publish(after)
            try await eventually("all are stored") { try await world.number("SELECT count(*) FROM outbox") == 161 }

            try await Servers.limitMessages(to: 100_000)
            let relay = try await world.relay()
            world.gateway.start()
            try await eventually("the others are announced") { world.gateway.distinctCount == 160 }
            try await eventually("all but one are published") {
                try await world.number("SELECT count(*) FROM outbox_audit WHERE state <> 'published'") == 1
            }
            let row = try await world.query(
                "SELECT attempts, last_error, trace_id FROM outbox_audit WHERE state = 'parked'")
            #expect(row.int4(0, 0) == 3 && row.text(0, 1).contains("larger than") && row.text(0, 2) == "big")
            #expect(await relay.metric("candlepost_relay_rows_parked_total") == 1)
            let line = relay.log.split(separator: "\n").first { $0.contains("parked a row") }
            #expect(line?.contains(#""trace_id":"\#(trace)""#) == true, "\(line ?? "")")
            let market3 = world.gateway.deliveries.filter { $0.headers["x-market-id"] == .number(3) }.map(\.id)
            // What left together with the row that ended the connection comes twice.
            var seen: Set<Int64> = []
            let firsts = market3.filter { seen.insert($0).inserted }
            #expect(firsts.count == 20 && firsts == firsts.sorted())
            try await relay.becomes(ready: true)
            try await Servers.limitMessages(to: 134_217_728)
            for program in [relay, writer] { try await world.stop(program) }
            try await world.run("relay", "verify")
        }
    }
}
