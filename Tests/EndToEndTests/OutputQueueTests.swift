import Testing

@Suite("The output queue") struct OutputQueueTests {
    @Test func isMadeAnewWhenItIsDeleted() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            for round in 1...3 {
                try await world.collector.publish(candles.next(300))
                try await eventually("round \(round) is announced") { world.gateway.distinctCount == 300 * round }
                // It is empty now. Deleting a full one loses what nobody has fetched, and no publisher can tell.
                try await world.host.delete(VirtualHost.outputQueue)
            }
            try await world.collector.publish(candles.next(300))
            try await eventually("the last round is announced") { world.gateway.distinctCount == 1200 }
            let returned = await relay.metric("candlepost_relay_rows_returned_total") ?? 0
            try await world.check([relay, writer]) {
                $0.minimum = 1200
                $0.evidence = [("unroutable messages", returned >= 3)]
            }
        }
    }

    @Test func isNamedWhenItLosesMessages() async throws {
        try await World.with { world in
            try await world.host.declare(VirtualHost.outputQueue, refusingBeyond: 1_000_000, overflow: "drop-head")
            let relay = try await world.relay()
            try await eventually("the log says so") {
                relay.log.contains("the output queue loses messages that it has confirmed")
                    && relay.log.contains("x-max-length 1000000 with overflow drop-head")
            }
            let check = try await world.run("relay", "check")
            #expect(check.contains("WARN queue ws.pricing-notifications: x-max-length 1000000"), "\(check)")
        }
    }

    @Test func mayBeFull() async throws {
        try await World.with { world in
            var candles = Candles(markets: 40)
            try await world.host.declare(VirtualHost.outputQueue, refusingBeyond: 20)
            let (writer, relay) = (try await world.writer(), try await world.relay())
            try await world.collector.publish(candles.next(400))
            try await eventually("the broker refuses") {
                await relay.metric("candlepost_relay_rows_refused_total") ?? 0 > 0
            }
            try await relay.becomes(ready: false)
            try await eventually("a metric says so") { await relay.metric("candlepost_relay_output_ready") == 0 }
            #expect(await relay.get("/readyz")?.body.contains("output queue") == true)
            let before = try await world.number("SELECT count(*) FROM outbox_audit WHERE state = 'published'")
            #expect(before < 400)

            world.gateway.start()
            try await world.check([relay, writer]) { $0.minimum = 400 }
        }
    }

    /// A lane that waits for room goes to another relay, and the one that gave it up has nothing to wait for.
    @Test func holdsUpWhoHasTheLane() async throws {
        try await World.with { world in
            var candles = Candles(markets: 1)  // its lane is among those that are given up
            try await world.host.declare(VirtualHost.outputQueue, refusingBeyond: 1)
            let (writer, first) = (try await world.writer(), try await world.relay())
            try await world.collector.publish(candles.next(50))
            try await first.becomes(ready: false)
            let second = try await world.start(.relay)
            try await first.becomes(ready: true)
            #expect(first.log.split(separator: "publishing to the broker").count == 2, "not by a new connection")
            try await second.becomes(ready: false)
            world.gateway.start()
            try await second.becomes(ready: true)
            try await world.check([first, second, writer]) { $0.minimum = 50 }
        }
    }
}
