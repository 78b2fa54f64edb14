import Records
import TestSupport
import Testing

@Suite("writer feed --from-queue") struct FeedFromQueueTests {
    private static let dead = "dead.letters"

    /// What a queue with a time to live has dropped into another, and a message that says of nothing what it is.
    @Test func takesDeadLettersBackAndLeavesWhatBelongsNowhere() async throws {
        try await World.with(markets: 8) { world in
            try await world.host.delete(Self.dead)
            try await world.host.declareQuorum(Self.dead)
            let queue = RecordKind.candleStick.queue
            try await world.host.declareQuorum(queue, deadLettersTo: Self.dead, timeToLive: 1)
            await world.collector.expectQueues()
            var candles = Candles(markets: 8)
            try await world.collector.publish(candles.next(700))
            try await eventually("all are dead letters") { try await world.host.count(Self.dead) == 700 }
            try await world.host.publish("no record of ours", to: Self.dead)
            try await world.host.delete(queue)
            try await world.host.declareAll()

            let counted = try await world.run("writer", "feed", "--from-queue", Self.dead)
            #expect(counted == "701 messages in dead.letters\nAdd --yes to take them back into their queues.\n")
            #expect(try await world.host.count(Self.dead) == 701)
            let moved = try await world.run("writer", "feed", "--from-queue", Self.dead, "--yes")
            #expect(moved.contains("700 to \(queue)\n1 left in dead.letters: "))
            #expect(try await world.host.count(Self.dead) == 1)
            #expect(try await world.host.count(queue) == 700)

            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.check([relay, writer]) { $0.minimum = 700 }
            try await world.host.delete(Self.dead)
        }
    }

    @Test func aQueueThatIsNotThereIsSaid() async throws {
        try await World.with(markets: 0) { world in
            let program = try await world.start(.writer, ["feed", "--from-queue", "no.such.queue", "--yes"])
            #expect(try await program.ended() == .status(1))
            #expect(program.log.contains("there is no queue no.such.queue"))
            #expect(try await world.host.count("no.such.queue") == nil)
        }
    }
}
