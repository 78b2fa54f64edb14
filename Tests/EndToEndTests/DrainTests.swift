import Glibc
import Postgres
import TestSupport
import Testing

@Suite("A stop in good order") struct DrainTests {
    @Test func losesNothingAndRepeatsNothing() async throws {
        try await World.with { world in
            var candles = Candles()
            world.gateway.start()
            let messages = candles.next(4000)
            async let load: Void = world.collector.publish(messages, rate: 2000)
            for share in [1000, 2000, 3000] {
                let (writer, relay) = (try await world.writer(), try await world.relay())
                try await eventually("\(share) are announced") { world.gateway.distinctCount >= share }
                writer.kill(SIGTERM)
                relay.kill(SIGTERM)
                #expect(try await writer.ended(within: .seconds(60)) == .status(0))
                #expect(try await relay.ended(within: .seconds(60)) == .status(0))
            }
            let (writer, relay) = (try await world.writer(), try await world.relay())
            try await load
            let history = try await world.check([relay, writer]) { $0.minimum = 4000 }
            #expect(history.deliveries.count == 4000)
            #expect(history.deliveries.allSatisfy { $0.headers["x-possibly-redelivered"] == nil })
            // Nor does a message come to a writer twice: each was acknowledged before the end.
            #expect(try await world.number("SELECT sum(received) FROM ingest_batches") == 4000)
        }
    }

    @Test func aSecondSignalEndsItAtOnce() async throws {
        try await World.with { world in
            var candles = Candles()
            let writer = try await world.writer()
            let connection = try await world.database.connect()
            try await connection.script("BEGIN; LOCK TABLE candle_sticks IN ACCESS EXCLUSIVE MODE")
            try await world.collector.publish(candles.next(100))
            try await eventually("the writer waits for the lock") { try await world.waiters(for: "candle_sticks") == 1 }
            writer.kill(SIGTERM)
            try await eventually("it drains") { writer.log.contains("Draining") }
            writer.kill(SIGTERM)
            #expect(try await writer.ended(within: .seconds(15)) == .status(128 + SIGTERM))
            await connection.close()

            let (next, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.check([relay, next]) { $0.minimum = 100 }
        }
    }

    /// A server that takes connections and never answers, as behind a firewall or while it hangs.
    @Test(arguments: [Program.Name.writer, .relay], ["DATABASE_URL", "AMQP_URL"])
    func connectingIsGivenUpAtOnce(name: Program.Name, url: String) async throws {
        try await World.with { world in
            let server = try SilentServer()
            let address = url == "AMQP_URL" ? "amqp://guest:guest@" : "postgresql://somebody:secret@"
            let program = try await world.start(name, settings: [url: "\(address)127.0.0.1:\(server.port)/market"])
            try await eventually("it connects") { server.hasCaller }
            program.kill(SIGTERM)
            // Half of what a server has to answer.
            #expect(try await program.ended(within: .milliseconds(2500)) == .status(0))
            #expect(!program.log.contains("retrying"), "nothing is wrong that anybody has to know of")
        }
    }
}
