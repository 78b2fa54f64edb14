import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("What relay status reads", .timeLimit(.minutes(10)))
struct StatusQueryTests {
    @Test func aLineForEachLaneWithItsOwnerAndItsRows() async throws {
        try await withGoodDatabase { database, connection in
            let relay = LaneLedger(connection: try await database.connect(), relay: "somebody")
            _ = try await relay.claim([0, 5])
            try await connection.script(
                "INSERT INTO lane_owners (lane, relay, released_at) VALUES (1, 'gone', now())")
            let lanes = try await StatusReport.read(connection).lanes
            #expect(lanes.map(\.lane) == Array(0...15))
            #expect(lanes.filter(\.isOwned).map(\.lane) == [0, 5])
            #expect(lanes[0].relay == "somebody" && lanes[1].relay == "gone" && lanes[2].relay == nil)
            #expect(lanes[0].recordedUpTo == 5 && lanes[0].pending == 0 && lanes[0].lastMinute == 5)
            #expect(lanes[0].parked == 1 && lanes[0].superseded == 1)
            #expect(lanes[1].recordedUpTo == 6 && lanes[1].pending == 4 && lanes[1].lastMinute == 1)
            #expect(lanes[1].parked == 0 && lanes.allSatisfy { $0.isExact })
            #expect(lanes[2].lastConfirmedAt == nil && lanes[1].lastConfirmedAt != nil)
        }
    }

    /// Entries far back in the chain count by their time, however many there are and wherever a step lands.
    @Test func whatWasPublishedLatelyIsFoundAtTheEndOfTheChain() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay, confirmed_at)
                SELECT 3, n * 500, n * 500 + 500, 1, 'r', now() - make_interval(secs => 10 * (400 - n) - 5)
                FROM generate_series(0, 399) AS n;
                INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay, confirmed_at)
                VALUES (4, 0, 7, 7, 'r', now() - interval '16 minutes'), (5, 0, 9, 2, 'r', now() - interval '2 minutes')
                """)
            let lanes = try await StatusReport.read(connection).lanes
            #expect(lanes[3].lastMinute == 6 && lanes[3].lastQuarter == 90)
            #expect(lanes[4].lastMinute == 0 && lanes[4].lastQuarter == 0)
            #expect(lanes[5].lastMinute == 0 && lanes[5].lastQuarter == 2)
            #expect(lanes[6].lastQuarter == 0)
        }
    }

    /// Messages that come every few seconds make a silence of minutes worth a word; what leaves quarantine is none of them.
    @Test(arguments: [(0.5, false), (4, true)])
    func silenceAfterSteadyFlowIsSeen(minutes: Double, isNamed: Bool) async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined, committed_at)
                SELECT 'w', 1, 1, 0, 0, now() - make_interval(mins => n) - interval '\(minutes) minutes' FROM generate_series(0, 20) AS n;
                INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 0, 1, 0, -1)
                """)
            var overview = Overview()
            try await overview.update(connection)
            #expect(abs(try #require(overview.silentFor) - Int64(minutes * 60)) < 30)
            #expect(Finding.all(overview).contains { $0.about == .intake } == isNamed)
        }
    }

    @Test func whatWasPublishedAfterAllIsNeitherParkedNorSuperseded() async throws {
        try await withGoodDatabase { _, connection in
            try await connection.script("UPDATE outbox_exceptions SET published_at = now()")
            let lanes = try await StatusReport.read(connection).lanes
            #expect(lanes.allSatisfy { $0.parked == 0 && $0.superseded == 0 })
        }
    }

    @Test func relaysSayWhatTheySaid() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                INSERT INTO relays VALUES
                    ('a:1', now() - interval '1 hour', now() - interval '2 seconds', 5, 6, 7, true, 'no route', now() - interval '9 minutes'),
                    ('b:2', now() - interval '1 day', now() - interval '40 seconds', 1, 2, 3, NULL, NULL, NULL)
                """)
            let relays = try await StatusReport.read(connection).relays
            #expect(relays.map(\.relay) == ["a:1", "b:2"])
            #expect(relays.map(\.isSilent) == [false, true])
            let first = try #require(relays.first)
            #expect(first.published == 5 && first.byDoorbell == 6 && first.byPoll == 7 && first.doorbellHeard == true)
            #expect(first.lastError == "no route" && Int(first.lastErrorAgo / 60) == 9)
            #expect(relays[1].doorbellHeard == nil && relays[1].lastError == nil)
        }
    }

    @Test func partitionsAreCountedAndTheOldestHasAnAge() async throws {
        try await withMigratedDatabase { _, connection in
            let empty = try await StatusReport.read(connection).partitions
            #expect(empty.count == 2 && empty.oldest == "outbox_from_1" && empty.oldestAge == nil)
            #expect(empty.idsAhead == 10_000_000)
            try await connection.log([(3, 1), (4, 2), (3, 1)])
            try await connection.script("UPDATE outbox SET created_at = now() - interval '1 hour' WHERE id = 2")
            let partitions = try await StatusReport.read(connection).partitions
            #expect(partitions.idsAhead == 9_999_998)
            let age = try #require(partitions.oldestAge)
            #expect((3600..<3700).contains(age))
        }
    }

    @Test func theAuditViewSaysWhatBecameOfEachRow() async throws {
        try await withGoodDatabase { _, connection in
            let rows = try await connection.execute(
                "SELECT state, published_at IS NOT NULL, exchange || ' ' || symbol FROM outbox_audit ORDER BY id")
            #expect((0..<3).map { rows.text($0, 0) } == ["published", "published", "superseded"])
            #expect((3..<7).map { rows.text($0, 0) } == ["parked", "published", "published", "pending"])
            #expect((0..<10).filter { rows.bool($0, 1) } == [0, 1, 4, 5])
            #expect(rows.text(0, 2) == "binance M13/USDT")
        }
    }
}
