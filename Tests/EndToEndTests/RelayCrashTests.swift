import TestSupport
import Testing

@Suite("A relay that is killed") struct RelayCrashTests {
    private static let window = 100

    @Test(arguments: [
        "relay.claimed@5", "relay.published@5", "relay.confirmed@5", "relay.before_mark@5", "relay.marked@5",
    ])
    func repeatsAWindowAtMost(failpoint: String) async throws {
        try await World.with { world in
            var candles = Candles()
            let settings = ["RELAY_BATCH_SIZE": "\(Self.window)"]
            let writer = try await world.writer()
            let killed = try await world.relay(settings.merging(["CANDLEPOST_FAILPOINT": failpoint]) { $1 })
            world.gateway.start()
            let messages = candles.next(1500)
            async let load: Void = world.collector.publish(messages, rate: 2000)
            let exit = try await killed.ended()
            let relay = try await world.relay(settings)
            try await load
            let history = try await world.check([relay, writer]) {
                $0.minimum = 1500
                $0.evidence = [(failpoint, exit == .signal(9))]
                $0.allowedDuplicates = Self.window
            }
            expectRepetitionsAreMarked(history)
        }
    }

    @Test func tenTimesAtRandomMoments() async throws {
        try await World.with { world in
            let (count, kills) = (5000, 10)
            var candles = Candles()
            var generator = SeededGenerator(seed: 20_231_211)
            let moments = (0..<kills).map { _ in Int.random(in: 50..<(count - 200), using: &generator) }.sorted()
            let settings = ["RELAY_BATCH_SIZE": "\(Self.window)"]
            let writer = try await world.writer()
            world.gateway.start()
            let messages = candles.next(count)
            async let load: Void = world.collector.publish(messages)
            var exits: [Program.Exit] = []
            for moment in moments {
                let relay = try await world.relay(settings)
                try await eventually("\(moment) are announced") { world.gateway.distinctCount >= moment }
                relay.kill(9)
                exits.append(try await relay.ended())
            }
            let relay = try await world.relay(settings)
            try await load
            let history = try await world.check([relay, writer]) {
                $0.minimum = count
                $0.evidence = [("\(kills) kills", exits == Array(repeating: .signal(9), count: kills))]
                $0.allowedDuplicates = Self.window * kills
            }
            expectRepetitionsAreMarked(history)
        }
    }

    /// Whoever consumes can tell: a repetition says that it may be one.
    private func expectRepetitionsAreMarked(_ history: History) {
        var seen: Set<Int64> = []
        for delivery in history.deliveries where !seen.insert(delivery.id).inserted {
            #expect(delivery.headers["x-possibly-redelivered"] == .bool(true), "\(delivery.id)")
        }
    }
}
