import Glibc
import Testing

@Suite("Programs out of descriptors") struct DescriptorTests {
    /// libdispatch ends a process in which it can't open a file, so some stay free whatever is asked for.
    @Test func waitAndSaySoAndGoOn() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            for program in [writer, relay] {
                try await ChaosRound.limitDescriptors(of: program, to: ChaosRound.fewDescriptors)
            }
            try await world.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name IN ('candlepost writer', 'candlepost relay')
                """)
            try await world.collector.publish(candles.next(500))
            for program in [writer, relay] {
                try await eventually("\(program.name) says what it lacks") {
                    await program.get("/readyz")?.body.contains("Too many open files") ?? false
                }
            }
            for program in [writer, relay] { try await ChaosRound.limitDescriptors(of: program, to: 1024) }
            try await world.check([relay, writer]) {
                $0.minimum = 500
                $0.allowedDuplicates = 100
            }
        }
    }
}
