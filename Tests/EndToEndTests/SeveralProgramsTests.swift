import Glibc
import Postgres
import TestSupport
import Testing

@Suite("Several of each program") struct SeveralProgramsTests {
    private static let window = 100
    private static let relaySettings = ["RELAY_BATCH_SIZE": "\(window)"]

    /// Small batches of three writers draw ids all at once, and a transaction elsewhere never ends: a relay that reads on
    /// from the last id it has seen must miss nothing.
    @Test func threeWritersAndTwoRelays() async throws {
        try await World.with(markets: 16) { world in
            var candles = Candles(markets: 16)
            let idle = try await world.database.connect()
            try await idle.script("BEGIN; SELECT txid_current()")
            var programs = [try await world.relay(Self.relaySettings), try await world.relay(Self.relaySettings)]
            for _ in 1...3 {
                programs.append(try await world.writer(["WRITER_BATCH_SIZE": "5", "WRITER_PREFETCH": "10"]))
            }
            world.gateway.start()
            try await world.collector.publish(candles.next(3000))
            let history = try await world.check(programs) {
                $0.minimum = 3000
                $0.isInOrderOfArrival = false
            }
            #expect(history.deliveries.count == 3000)
            #expect(try await world.number("SELECT count(DISTINCT writer) FROM ingest_batches") == 3)
            await idle.close()
        }
    }

    @Test(arguments: [SIGTERM, SIGKILL]) func aRelayThatGoesIsReplaced(signal: Int32) async throws {
        try await World.with { world in
            var candles = Candles()
            let writer = try await world.writer()
            let first = try await world.relay(Self.relaySettings)
            let second = try await world.relay(Self.relaySettings)
            world.gateway.start()
            let messages = candles.next(3000)
            async let load: Void = world.collector.publish(messages, rate: 1500)
            try await eventually("some are announced") { world.gateway.distinctCount >= 700 }
            first.kill(signal)
            let exit = try await first.ended()
            try await load
            try await world.check([second, writer]) {
                $0.minimum = 3000
                $0.evidence = [("the signal", exit == (signal == SIGTERM ? .status(0) : .signal(signal)))]
                $0.allowedDuplicates = signal == SIGTERM ? 0 : Self.window
            }
        }
    }

    /// Stopped for so long that its sessions end and another relay takes over; then it wakes up and does not know.
    @Test func aRelayThatSleepsThroughItsEndDoesNoHarm() async throws {
        try await World.with { world in
            var candles = Candles()
            let writer = try await world.writer()
            let sleeper = try await world.relay(Self.relaySettings)
            let other = try await world.relay(Self.relaySettings)
            world.gateway.start()
            let messages = candles.next(3000)
            async let load: Void = world.collector.publish(messages, rate: 1500)
            try await eventually("some are announced") { world.gateway.distinctCount >= 700 }
            sleeper.kill(SIGSTOP)
            let held = """
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')
                AND application_name = 'candlepost relay'
                """
            #expect(try await world.number(held) >= 1)
            let before = world.gateway.distinctCount
            try await eventually("the other takes over") { world.gateway.distinctCount >= before + 500 }
            sleeper.kill(SIGCONT)
            try await load
            try await eventually("it notices") { sleeper.log.contains("unavailable, retrying") }
            try await world.check([sleeper, other, writer]) {
                $0.minimum = 3000
                $0.allowedDuplicates = Self.window * 2  // of the sleeper, and of whoever held lanes with it
            }
        }
    }
}
