import Postgres
import TestSupport
import Testing

/// Nothing is lost, and no id means two things, whatever is done to the sequence.
@Suite("Ids rise") struct IDsRiseTests {
    @Test(arguments: ["1, false", "300"]) func theSequenceIsSetBackUnderLoad(_ place: String) async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.collector.publish(candles.next(500))
            try await eventually("the first are announced") { world.gateway.distinctCount == 500 }
            for _ in 0..<3 {
                try await world.query("SELECT setval('outbox_id_seq', \(place))")
                try await world.collector.publish(candles.next(200))
            }
            try await eventually("all are announced") { world.gateway.distinctCount == 1100 }
            #expect(try await world.number("SELECT count(*) FROM (SELECT FROM outbox GROUP BY id) ids") == 1100)
            #expect(try await world.number("SELECT count(*) FROM quarantine") == 0)
            for program in [writer, relay] { try await world.stop(program) }
            try await world.run("relay", "verify")
        }
    }

    /// A stranger's lock is named within seconds, and forgotten when it is gone.
    @Test func whoHoldsALaneIsNamed() async throws {
        try await World.with { world in
            let stranger = try await world.database.connect { $0.applicationName = "a stranger" }
            let (writer, relay) = (try await world.writer(), try await world.relay())
            try await stranger.script("BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            var candles = Candles()
            try await world.collector.publish(candles.next(10))
            for program in [writer, relay] {
                try await eventually("\(program.name) names it", within: .seconds(20)) {
                    await program.get("/readyz")?.body.contains("(a stranger)") == true
                }
            }
            try await stranger.script("COMMIT")
            for program in [writer, relay] { try await program.becomes(ready: true) }
            #expect(writer.log.contains("a stranger"))
            world.gateway.start()
            try await eventually("all are announced") { world.gateway.distinctCount == 10 }
            await stranger.close()
            for program in [writer, relay] { try await world.stop(program) }
        }
    }
}
