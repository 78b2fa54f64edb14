import Postgres
import TestSupport
import Testing

@Suite("A relay that loses a connection") struct RelayFailureTests {
    /// An entry of the ledger that is not answered is awaited for half a minute. Meanwhile the relay must not look ready.
    @Test func saysSoThoughItStillRecords() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            let locker = try await world.database.connect(parameters: ["lock_timeout": "0"])
            // Nobody can write the ledger, all can read it.
            try await locker.script("BEGIN; LOCK TABLE outbox_deliveries IN EXCLUSIVE MODE")
            try await world.collector.publish(candles.next(100))
            let recording = "application_name = 'candlepost relay' AND wait_event_type = 'Lock'"
            let sessions = "FROM pg_stat_activity WHERE datname = current_database()"
            try await eventually("the relay waits for the ledger") {
                try await world.number("SELECT count(*) \(sessions) AND \(recording)") == 1
            }
            let start = ContinuousClock.now
            try await world.query(
                """
                SELECT pg_terminate_backend(pid) \(sessions)
                AND application_name = 'candlepost relay' AND wait_event_type IS DISTINCT FROM 'Lock'
                """)
            try await relay.becomes(ready: false)
            #expect(.now - start < .seconds(10), "as if nothing was wrong until the ledger was given up")
            try await locker.script("COMMIT")
            await locker.close()
            try await world.check([relay, writer]) {
                $0.minimum = 100
                $0.allowedDuplicates = 100
            }
        }
    }
}
