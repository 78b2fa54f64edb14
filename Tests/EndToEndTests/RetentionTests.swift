import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite("Retention") struct RetentionTests {
    /// Few rows, which never fill a partition: it is closed by age, dropped with its ledgers, and all goes on.
    @Test func aRelayDropsWhatIsOldAndDoneWith() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, first) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.collector.publish(candles.next(500))
            try await eventually("the first are announced") { world.gateway.distinctCount == 500 }
            try await world.stop(first)
            for (table, column) in [
                ("outbox", "created_at"), ("candle_sticks", "created_at"), ("ingest_batches", "committed_at"),
            ] {
                try await world.query("UPDATE \(table) SET \(column) = \(column) - interval '3 hours'")
            }

            let relay = try await world.relay(["OUTBOX_RETENTION": "2h"])
            try await eventually("the old partition is gone") {
                try await world.number("SELECT count(*) FROM outbox_pruned WHERE rows = 500") == 1
            }
            #expect(try await world.number("SELECT count(*) FROM outbox") == 0)
            #expect(try await world.number("SELECT count(*) FROM ingest_batches") == 0)
            #expect(try await world.number("SELECT count(*) FROM candle_sticks") == 500, "records stay")
            try await world.run("relay", "verify")

            try await world.collector.publish(candles.next(300))
            try await eventually("new ones are announced") { world.gateway.distinctCount == 800 }
            #expect(try await world.number("SELECT min(id) FROM outbox") == 5_000_001)
            for program in [relay, writer] { try await world.stop(program) }
            try await world.run("relay", "verify")
            #expect(Set(world.gateway.deliveries.map(\.id)).count == world.gateway.deliveries.count)
        }
    }

    /// It may have to wait for long. A session that is over must not wait for it, and neither must the program's end.
    @Test func nothingWaitsForIt() async throws {
        try await World.with { world in
            let other = try await world.database.connect()
            _ = try await other.execute(
                "SELECT pg_advisory_lock(hashtext('candlepost.outbox_make_partitions'))")
            let relay = try await world.relay()
            let waiting = """
                SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND application_name = 'candlepost retention' AND wait_event_type = 'Lock'
                """
            try await eventually("retention waits") { try await world.number(waiting) > 0 }
            try await eventually("the relay has its lanes") { relay.log.contains("took lanes") }
            try await world.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'candlepost relay'
                """)
            try await eventually("the next session has them") {
                relay.log.components(separatedBy: "took lanes").count > 2
            }
            try await world.stop(relay)
            await other.close()
        }
    }
}
