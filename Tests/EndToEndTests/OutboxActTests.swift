import Glibc
import Postgres
import TestSupport
import Testing

@Suite("Acts on outbox rows") struct OutboxActTests {
    @Test func olderRowsAreSupersededOnRequestAndReplayable() async throws {
        try await World.with { world in
            try await store(40, markets: 4, world)
            let counted = try await world.start(.relay, ["supersede", "--until", "0s"])
            #expect(try await counted.ended() == .status(0))
            let count = "36 rows of kind CandleStick\n36 pending rows that a newer one follows\n"
            #expect(counted.output == count && counted.log == "relay: nothing done: repeat with --yes\n")
            #expect(try await world.number("SELECT count(*) FROM outbox_exceptions") == 0)

            let output = try await world.run(
                "relay", "supersede", "--until", "0s", "--yes", "--reason", "a day without broker")
            #expect(output == count + "superseded 36\n")
            let pending = try await world.query(
                "SELECT string_agg(id::text, ' ' ORDER BY id) FROM outbox_audit WHERE state = 'pending'")
            #expect(pending.text(0, 0) == "37 38 39 40")
            try await world.run("relay", "verify")

            let replayed = try await world.run("relay", "replay", "--state", "superseded", "--rate", "0", "--yes")
            #expect(replayed == "36 rows\nreplayed 36, act 2\n")
            world.gateway.start()
            try await eventually("they are announced after all") { world.gateway.distinctCount == 36 }
            #expect(world.gateway.deliveries.map(\.id) == Array(1...36))
            #expect(world.gateway.deliveries.allSatisfy { $0.headers["x-attempt"] == .number(1) })
            #expect(try await world.number("SELECT count(*) FROM outbox_audit WHERE state = 'published'") == 36)
        }
    }

    /// The output queue takes no more and the relay waits: it goes past what is superseded meanwhile, also past what it had
    /// read before; only what was on its way is announced and counts as published.
    @Test func aRelayGoesPastWhatIsSupersededBesideIt() async throws {
        try await World.with { world in
            var candles = Candles(markets: 8)
            try await world.host.declare(VirtualHost.outputQueue, refusingBeyond: 4)
            let (writer, relay) = (try await world.writer(), try await world.relay())
            try await world.collector.publish(candles.next(1600))
            try await eventually("all are stored") { try await world.number("SELECT count(*) FROM outbox") == 1600 }
            try await eventually("the broker refuses") {
                await relay.metric("candlepost_relay_rows_refused_total") ?? 0 > 0
            }
            try await world.run("relay", "supersede", "--until", "0s", "--yes")
            try await eventually("the relay looks again") { relay.log.contains("rows were superseded") }
            world.gateway.start()
            let pending = "SELECT count(*) FROM outbox_audit WHERE state = 'pending'"
            try await eventually("nothing is pending") { try await world.number(pending) == 0 }
            for program in [relay, writer] { try await world.stop(program) }
            try await world.gateway.stop()
            try await world.run("relay", "verify")

            let published = try await world.query("SELECT id FROM outbox_audit WHERE state = 'published' ORDER BY id")
            let announced = Set(world.gateway.deliveries.map(\.id))
            #expect(announced.sorted() == (0..<published.count).map { published.int8($0, 0) })
            #expect(announced.isSuperset(of: 1593...1600), "the newest of each market")
            #expect(announced.count <= 8 + 8 + 4, "\(announced.count)")
        }
    }

    @Test func parkedRowsAreListedRetriedAndDiscarded() async throws {
        try await World.with { world in
            try await store(4, markets: 4, world)
            try await world.query(
                """
                INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts, last_error)
                SELECT id, lane, 'parked', 1, 'larger than the broker takes' FROM outbox WHERE id <= 3
                """)
            let list = try await world.run("relay", "parked", "list", "--json", "--market", "2")
            #expect(
                list.hasPrefix(
                    #"[\#n{"id":2,"record_type":"CandleStick","market_id":2,"exchange":"binance","symbol":"M2/USDT","#
                        + #""attempts":1,"last_error":"larger than the broker takes","recorded_at":"20"#), "\(list)")
            let counted = try await world.start(.relay, ["parked", "retry"])
            #expect(try await counted.ended() == .status(0))
            #expect(counted.output == "3 parked rows\n")
            #expect(
                try await world.run(
                    "relay", "parked", "discard", "--id", "1", "--yes", "--reason", "of no use any more")
                    == "1 parked rows\ndiscarded 1\n")
            #expect(
                try await world.run("relay", "parked", "retry", "--yes")
                    == "2 parked rows\npublished 2, still parked 0\n")
            #expect(try await world.run("relay", "parked", "list", "--json") == "[]\n")
            let states = try await world.query("SELECT string_agg(state, ' ' ORDER BY id) FROM outbox_audit")
            #expect(states.text(0, 0) == "superseded published published pending")
            #expect(try await world.host.count(VirtualHost.outputQueue) == 2)
        }
    }

    @Test func pruneSaysWhatItDropsAndWhatItKeeps() async throws {
        try await World.with { world in
            try await store(10, markets: 2, world)
            try await world.query("UPDATE outbox SET created_at = created_at - interval '2 days'")
            #expect(try await world.run("relay", "prune", "--retention", "off").contains("OUTBOX_RETENTION is off"))
            let kept = try await world.run("relay", "prune", "--retention", "1d")
            #expect(kept.contains("closed the partition in use\n") && kept.contains("rows of 2 lanes are pending"))
            let relay = try await world.relay()
            world.gateway.start()
            try await eventually("all are announced") { world.gateway.distinctCount == 10 }
            try await world.stop(relay)
            #expect(try await world.run("relay", "prune", "--retention", "3d").contains("not older than the retention"))
            #expect(try await world.number("SELECT count(*) FROM outbox") == 10)
            #expect(try await world.run("relay", "prune", "--retention", "1d").contains(": 10 rows\n"))
            #expect(try await world.number("SELECT count(*) FROM outbox") == 0)
        }
    }

    /// Candles that are stored and not announced: no relay runs.
    private func store(_ count: Int, markets: Int, _ world: World) async throws {
        var candles = Candles(markets: markets)
        let writer = try await world.writer()
        try await world.collector.publish(candles.next(count))
        try await eventually("all are stored") { try await world.number("SELECT count(*) FROM outbox") == count }
        try await world.stop(writer)
    }
}
