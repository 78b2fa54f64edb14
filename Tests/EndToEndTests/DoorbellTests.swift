import Testing

@Suite("The doorbell") struct DoorbellTests {
    /// With a minute between looks, only the doorbell tells the relay in time; so both ends of it must come back.
    @Test func aLostListeningConnectionIsReplaced() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay(["RELAY_POLL_MS": "60000"]))
            world.gateway.start()
            try await world.collector.publish(candles.next(100))
            try await eventually("the first are announced") { world.gateway.distinctCount == 100 }

            let messages = candles.next(600)
            async let load: Void = world.collector.publish(messages, rate: 400)
            // The other session of the relay holds the lanes, by advisory locks.
            let listening = "NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory')"
            #expect(try await end("candlepost relay", listening, world) == 1)
            try await eventually("half are announced") { world.gateway.distinctCount >= 400 }
            #expect(try await end("candlepost writer", "query ~ 'pg_notify|outbox_make_partitions'", world) == 1)
            try await load
            try await world.collector.publish(candles.next(50))
            try await world.check([relay, writer], within: .seconds(90)) {
                $0.minimum = 750
                $0.allowedDuplicates = 1000  // what was on its way when the session ended
            }
        }
    }

    @Test func isTriedAtTheStart() async throws {
        try await World.with { world in
            let relay = try await world.relay()
            try await eventually("the relay says that it hears it") {
                try await world.number("SELECT count(*) FROM relays WHERE doorbell_heard AND by_doorbell + by_poll > 0")
                    == 1
            }
            try await world.stop(relay)
            #expect(
                try await world.number("SELECT count(*) FROM relays") == 0,
                "who stops in good order is no longer listed")
        }
    }

    /// As when the server's queue of notifications is full, which takes hours to fill: the function is gone for a while.
    @Test func aServerThatTakesNoNotificationCostsThePollsLatency() async throws {
        try await World.with { world in
            var candles = Candles()
            let rename = { (from: String, to: String) in
                "ALTER FUNCTION pg_catalog.\(from)(text, text) RENAME TO \(to)"
            }
            try await world.query(rename("pg_notify", "no_notify"))
            let (writer, relay) = (try await world.writer(), try await world.relay(["RELAY_POLL_MS": "200"]))
            world.gateway.start()
            let word = "PostgreSQL refuses NOTIFY"
            for count in [50, 100] {
                try await world.collector.publish(candles.next(50))
                try await eventually("\(count) are announced") { world.gateway.distinctCount == count }
            }
            try await eventually("it is said") { writer.log.contains(word) }
            #expect(writer.log.ranges(of: word).count == 1, "once")
            #expect(await writer.isReady == true)
            #expect(await relay.isReady == true)

            try await world.query(rename("no_notify", "pg_notify"))
            try await world.collector.publish(candles.next(50))
            try await eventually("its end is said") { writer.log.contains("accepts NOTIFY again") }
            try await world.check([relay, writer]) { $0.minimum = 150 }
        }
    }

    /// Ends sessions of a program.
    /// - Returns: how many.
    private func end(_ program: String, _ condition: String, _ world: World) async throws -> Int {
        try await world.number(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity a
            WHERE application_name = '\(program)' AND datname = current_database() AND \(condition)
            """)
    }
}
