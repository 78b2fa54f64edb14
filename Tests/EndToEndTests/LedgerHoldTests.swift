import Glibc
import Testing

@Suite("A ledger that takes no entry, and a relay that hangs") struct LedgerHoldTests {
    /// Repeats nothing while the relay lives, and one window at most if it doesn't; a relay that comes anew publishes nothing.
    @Test func theRelayHoldsUntilTheLedgerTakesAnEntry() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            _ = try await world.query(
                "ALTER TABLE outbox_deliveries ADD CONSTRAINT nothing_more CHECK (rows < 0) NOT VALID")
            try await world.collector.publish(candles.next(500))
            try await relay.becomes(ready: false)
            #expect(await relay.get("/readyz")?.body.contains("the ledger cannot be written") == true)
            relay.kill(SIGKILL)
            let other = try await world.start(.relay)
            try await eventually("it has tried") { other.log.contains("probe_ledger") }
            #expect(world.gateway.count == world.gateway.distinctCount, "it repeats what can't be recorded")
            _ = try await world.query("ALTER TABLE outbox_deliveries DROP CONSTRAINT nothing_more")
            try await other.becomes(ready: true)
            try await world.check([other, writer]) {
                $0.minimum = 500
                $0.allowedDuplicates = 1000
            }
        }
    }

    @Test func aRelayThatLivesRepeatsNothingThen() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            _ = try await world.query(
                "ALTER TABLE outbox_deliveries ADD CONSTRAINT nothing_more CHECK (rows < 0) NOT VALID")
            try await world.collector.publish(candles.next(500))
            try await relay.becomes(ready: false)
            _ = try await world.query("ALTER TABLE outbox_deliveries DROP CONSTRAINT nothing_more")
            try await relay.becomes(ready: true)
            try await world.check([relay, writer]) { $0.minimum = 500 }
        }
    }

    @Test func theLanesOfARelayThatIsStoppedAreTakenOverWithin30Seconds() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, stopped) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.collector.publish(candles.next(100))
            try await eventually("all is announced") { world.gateway.distinctCount == 100 }
            stopped.kill(SIGSTOP)
            let other = try await world.start(.relay)
            try await world.collector.publish(candles.next(200))
            try await eventually("the other one takes over", within: .seconds(30)) {
                world.gateway.distinctCount == 300
            }
            stopped.kill(SIGCONT)
            try await world.check([stopped, other, writer]) {
                $0.minimum = 300
                $0.allowedDuplicates = 1000
            }
        }
    }
}
