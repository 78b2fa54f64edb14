import Postgres
import TestSupport
import Testing

/// Faults of the database that need no restart of the server.
@Suite("PostgreSQL fails") struct PostgresFaultTests {
    private static let window = 100

    private func under(
        kills: Int, messages count: Int = 2000, options: String = "", _ fault: (World, Program) async throws -> Void
    ) async throws {
        try await World.with { world in
            var candles = Candles()
            let url = world.database.url + options
            let writer = try await world.writer([
                "WRITER_BATCH_SIZE": "50", "WRITER_PREFETCH": "100", "DATABASE_URL": url,
            ])
            let relay = try await world.relay(["RELAY_BATCH_SIZE": "\(Self.window)"])
            world.gateway.start()
            let messages = candles.next(count)
            async let load: Void = world.collector.publish(messages, rate: 1000)
            try await eventually("some are announced") { world.gateway.distinctCount >= 200 }
            try await fault(world, writer)
            try await load
            let history = try await world.check([relay, writer]) {
                $0.minimum = count
                $0.allowedDuplicates = Self.window * kills
            }
            #expect(history.quarantine.isEmpty, "an outage is no message's fault")
        }
    }

    /// Each time in the middle of something, commits among them: what nobody knows is tried again.
    @Test func sessionsAreEndedAgainAndAgain() async throws {
        try await under(kills: 6) { world, _ in
            for round in 1...6 {
                let ended = """
                    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name ~ '^candlepost (writer|relay)$'
                    """
                try await eventually("round \(round): a session ends") { try await world.number(ended) > 0 }
                let before = world.gateway.distinctCount
                try await eventually("round \(round): it goes on") {
                    world.gateway.distinctCount >= min(before + 20, 2000)
                }
            }
        }
    }

    @Test func theServerIsReadOnlyForAWhile() async throws {
        try await under(kills: 1) { world, writer in
            let name = world.database.name
            try await world.query("ALTER DATABASE \(name) SET default_transaction_read_only = on")
            try await endSessions(world)
            try await writer.becomes(ready: false)
            let admin = try await world.database.connect(parameters: ["default_transaction_read_only": "off"])
            _ = try await admin.execute("ALTER DATABASE \(name) RESET default_transaction_read_only")
            await admin.close()
            try await endSessions(world)
            try await writer.becomes(ready: true)
        }
    }

    @Test func aLockIsNotHadInTime() async throws {
        try await under(kills: 1, options: "&options=-c%20lock_timeout%3D100ms") { world, writer in
            let connection = try await world.database.connect(parameters: ["lock_timeout": "0"])
            try await connection.script("BEGIN; LOCK TABLE candle_sticks IN ACCESS EXCLUSIVE MODE")
            try await eventually("the writer says so") {
                await writer.get("/readyz")?.body.contains("55P03") == true
            }
            try await connection.script("COMMIT")
            await connection.close()
            try await writer.becomes(ready: true)
        }
    }

    /// The relay must hold no transaction while it waits for the broker, nor the writer while it waits for messages.
    @Test(.disabled(if: TestEnvironment.hasSanitizer, "2 s are no time for a program that is many times slower"))
    func nobodyIdlesInATransaction() async throws {
        try await World.with { world in
            var candles = Candles()
            let limit = "&options=-c%20idle_in_transaction_session_timeout%3D2s"
            let settings = ["DATABASE_URL": world.database.url + limit]
            let (writer, relay) = (try await world.writer(settings), try await world.relay(settings))
            world.gateway.start()
            try await world.collector.publish(candles.next(1000), rate: 1000)
            try await eventually("a session is idle for longer than that") {
                try await world.number(
                    """
                    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND application_name = 'candlepost writer' AND state_change < clock_timestamp() - interval '2500 ms'
                    """) > 0
            }
            try await world.collector.publish(candles.next(1000), rate: 1000)
            try await world.check([relay, writer]) { $0.minimum = 2000 }
            #expect(!writer.log.contains("25P03") && !relay.log.contains("25P03"))
        }
    }

    private func endSessions(_ world: World) async throws {
        let admin = try await world.database.connect(parameters: ["default_transaction_read_only": "off"])
        _ = try await admin.execute(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name ~ '^candlepost (writer|relay)$'
            """)
        await admin.close()
    }
}
