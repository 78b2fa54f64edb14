import Records
import Testing

@Suite("The collectors' queues") struct InputQueueTests {
    @Test func areMadeAnewWhenTheyAreDeleted() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            for round in 1...2 {
                try await world.collector.publish(candles.next(200))
                try await eventually("round \(round) is announced") { world.gateway.distinctCount == 200 * round }
                // It is empty now; what lies in a queue goes with it.
                try await world.host.delete(RecordKind.candleStick.queue)
                try await eventually("it is there again") {
                    try await world.host.count(RecordKind.candleStick.queue) != nil
                }
                try await writer.becomes(ready: true)
            }
            try await world.collector.publish(candles.next(200))
            try await world.check([relay, writer]) { $0.minimum = 600 }
        }
    }
}
