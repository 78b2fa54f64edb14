import Glibc
import Postgres
import TestSupport
import Testing

@Suite("relay replay") struct ReplayCommandTests {
    /// The market whose rows are published again.
    private static let market = 3

    /// While a relay is at work: the same bytes with the same ids, marked as repetitions, and the live order stays.
    @Test func aMarketComesAgainWhileTheRelayGoesOn() async throws {
        try await World.with { world in
            var candles = Candles(markets: 8)
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.collector.publish(candles.next(800))
            try await eventually("all are announced") { world.gateway.distinctCount == 800 }
            async let load: Void = world.collector.publish(candles.next(1600), rate: 800)
            let output = try await world.run(
                "relay", "replay", "--market", "\(Self.market)", "--limit", "100", "--rate", "200", "--yes", "--reason",
                "a gateway that was restored")
            #expect(output == "100 rows\nreplayed 100, act 1\n")
            try await load
            let history = try await world.check([relay, writer]) {
                $0.minimum = 2400
                $0.allowedDuplicates = 100
            }
            let repetitions = history.deliveries.filter { $0.headers["x-attempt"] == .number(2) }
            #expect(repetitions.count == 100 && history.deliveries.count == 2500)
            #expect(
                repetitions.allSatisfy {
                    $0.headers["x-possibly-redelivered"] == .bool(true)
                        && $0.headers["x-market-id"] == .number(Int64(Self.market))
                })
            #expect(repetitions.map(\.id) == repetitions.map(\.id).sorted())
            for repetition in repetitions {
                let first = try #require(history.deliveries.first { $0.id == repetition.id })
                #expect(first.body == repetition.body && first.properties == repetition.properties)
                #expect(first.headers["x-attempt"] == nil)
            }
            let act = try await world.query(
                """
                SELECT concat_ws(' | ', act, selection, rows, done, why, ended_at >= began_at, acted_by LIKE '%@%:%')
                FROM outbox_acts
                """)
            #expect(
                act.text(0, 0) == "replayed | --market 3 --limit 100 | 100 | 100 | a gateway that was restored | t | t")
            #expect(try await world.number("SELECT count(*) FROM outbox_replays WHERE act_id = 1") == 100)
        }
    }

    @Test func nothingIsDoneWithoutYes() async throws {
        try await World.with { world in
            try await publishOneByOne(10, world)
            let program = try await world.start(.relay, ["replay", "--market", "1"])
            #expect(try await program.ended() == .status(0))
            #expect(program.output == "10 rows\n")
            #expect(program.log == "relay: nothing done: repeat with --yes\n")
            #expect(try await world.run("relay", "replay", "--market", "2", "--yes") == "0 rows\nreplayed 0\n")
            #expect(
                try await world.number(
                    "SELECT (SELECT count(*) FROM outbox_acts) + (SELECT count(*) FROM outbox_replays)") == 0)
            #expect(try await world.host.count(VirtualHost.outputQueue) == 10)
        }
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func anInterruptionSaysHowToGoOn(signal: Int32) async throws {
        try await World.with { world in
            try await publishOneByOne(60, world)
            let program = try await world.start(.relay, ["replay", "--market", "1", "--rate", "40", "--yes"])
            try await eventually("some came again") { try await world.host.count(VirtualHost.outputQueue) ?? 0 >= 65 }
            program.kill(signal)
            #expect(try await program.ended(within: .seconds(20)) == .status(128 + signal))
            let done = try await world.number("SELECT done FROM outbox_acts WHERE ended_at IS NULL")
            #expect((5..<60).contains(done))
            #expect(
                program.log.contains("interrupted; \(done) rows done. Go on with: relay replay --continue 1 --yes"),
                "\(program.log)")
            #expect(try await world.host.count(VirtualHost.outputQueue) == 60 + done)

            let output = try await world.run("relay", "replay", "--continue", "1", "--rate", "0", "--yes")
            #expect(output == "\(60 - done) rows left of 60\nreplayed \(60 - done), act 1\n")
            world.gateway.start()
            try await eventually("all came twice") { world.gateway.deliveries.count == 120 }
            let again = world.gateway.deliveries.suffix(60)
            #expect(again.map(\.id) == Array(1...60))
            #expect(try await world.number("SELECT done FROM outbox_acts WHERE ended_at IS NOT NULL") == 60)
        }
    }

    @Test func aServerThatGoesAwayLeavesTheRestToContinue() async throws {
        try await World.with { world in
            try await publishOneByOne(60, world)
            let program = try await world.start(.relay, ["replay", "--market", "1", "--rate", "40", "--yes"])
            try await eventually("some came again") { try await world.host.count(VirtualHost.outputQueue) ?? 0 >= 65 }
            try await world.query(
                """
                SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
                WHERE application_name = 'candlepost command' AND datname = current_database()
                """)
            #expect(try await program.ended() == .status(69))
            #expect(program.log.contains("relay replay --continue 1 --yes"), "\(program.log)")
            try await world.run("relay", "replay", "--continue", "1", "--rate", "0", "--yes")
            #expect(try await world.number("SELECT done FROM outbox_acts WHERE ended_at IS NOT NULL") == 60)
            #expect(try await world.number("SELECT count(*) FROM outbox_replays") == 60)
        }
    }

    /// Candles of one market, published by a relay that is gone afterwards; they are still in the queue.
    private func publishOneByOne(_ count: Int, _ world: World) async throws {
        var candles = Candles(markets: 1)
        let (writer, relay) = (try await world.writer(), try await world.relay())
        try await world.collector.publish(candles.next(count))
        try await eventually("all are announced") {
            try await world.number("SELECT count(*) FROM outbox_audit WHERE state = 'published'") == count
        }
        for program in [relay, writer] { try await world.stop(program) }
    }
}
