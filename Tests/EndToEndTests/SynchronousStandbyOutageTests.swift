import Testing

/// Commits wait for a standby that is not there. Nothing is acknowledged meanwhile, both programs say so, and what they leave
/// waiting on the server does not become more and more.
@Suite("A synchronous standby is gone", .serialized, .enabled(if: Servers.mayBeStopped))
struct SynchronousStandbyOutageTests {
    @Test func bothAreRedAndTheirSessionsAreAConstantNumber() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.collector.publish(candles.next(200), rate: 400)
            try await eventually("they are announced") { world.gateway.distinctCount >= 200 }
            let before = try await Self.sessions(of: world)

            try await world.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            do {
                try await world.query("SELECT pg_reload_conf()")
                try await world.collector.publish(candles.next(200), rate: 400)
                for program in [writer, relay] { try await program.becomes(ready: false, within: .seconds(90)) }
                // The server's checkpointer takes the setting up, so the first commits may not wait yet.
                let announced = world.gateway.distinctCount
                #expect(announced < 400)
                let end = ContinuousClock.now + .seconds(75)
                var most = 0
                while .now < end {
                    most = max(most, try await Self.sessions(of: world))
                    try await Task.sleep(for: .milliseconds(500))
                }
                // Some leave one behind that waits for the standby: 10 instead of 6.
                #expect(most <= 2 * before, "\(most) sessions, \(before) before")
                #expect(world.gateway.distinctCount == announced, "nothing is announced that no standby has")
            } catch {
                try await Self.reset(world)
                throw error
            }
            try await Self.reset(world)

            for program in [writer, relay] { try await program.becomes(ready: true, within: .seconds(120)) }
            try await world.check([relay, writer], within: .seconds(90)) {
                $0.minimum = 400
                $0.allowedDuplicates = 400
            }
        }
    }

    private static func reset(_ world: World) async throws {
        try await world.query("ALTER SYSTEM RESET synchronous_standby_names")
        try await world.query("SELECT pg_reload_conf()")
    }

    private static func sessions(of world: World) async throws -> Int {
        try await world.number(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'candlepost%'
            """)
    }
}
