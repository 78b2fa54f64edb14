import Postgres
import Schema
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Lanes and their ledger", .timeLimit(.minutes(10)))
struct LaneLedgerTests {
    private static let all = Array(0..<16)
    private static let noRelayLock = """
        SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        """

    private func ledger(_ database: TestDatabase, _ name: String) async throws -> LaneLedger {
        LaneLedger(connection: try await database.connect(), relay: name)
    }

    @Test func aFreeLaneIsTakenOnce() async throws {
        try await withMigratedDatabase { database, connection in
            let first = try await ledger(database, "first")
            let second = try await ledger(database, "second")
            let claims = try await first.claim([3, 1])
            #expect(claims.map(\.lane).sorted() == [1, 3])
            #expect(claims.allSatisfy { $0.recordedUpTo == 0 && !$0.isUnclean })
            #expect(try await second.claim([1, 3]).isEmpty)
            #expect(try await second.claim(Self.all).count == 14)
            let owners = try await connection.execute("SELECT relay FROM lane_owners ORDER BY lane")
            let names = (0..<16).map { owners.text($0, 0) }
            #expect(names == (0..<16).map { [1, 3].contains($0) ? "first" : "second" })
        }
    }

    /// Each has all of its own lanes, and counts itself only.
    @Test func twoInstallationsInTwoSchemasDoNotMeet() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.script(#"CREATE SCHEMA "An Other""#)
            let other = try await database.connect(parameters: ["search_path": #""An Other""#])
            _ = try await Migrator(Migration.load(from: Migration.folder())).migrate(other)
            let ledgers = [try await ledger(database, "here"), LaneLedger(connection: other, relay: "there")]
            for (key, ledger) in ledgers.enumerated() {
                try await ledger.announcePresence(key: Int32(key + 1))
                #expect(try await ledger.claim(Self.all).map(\.lane).sorted() == Self.all)
            }
            for (key, ledger) in ledgers.enumerated() {
                let share = try await ledger.countRelays(key: Int32(key + 1))
                #expect(share.relays == 1 && share.rank == 0)
            }
            try await ledgers[0].release(Self.all, clean: Self.all)
            #expect(try await ledgers[0].claim([3]).map(\.lane) == [3])
            await other.close()
        }
    }

    @Test func twoThatClaimAtOnceShareWithoutOverlap() async throws {
        try await withMigratedDatabase { database, _ in
            let ledgers = [try await ledger(database, "first"), try await ledger(database, "second")]
            let lanes = try await withThrowingTaskGroup(of: [Int].self) { group in
                for ledger in ledgers { group.addTask { try await ledger.claim(Self.all).map(\.lane) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(lanes.sorted() == Self.all)
        }
    }

    @Test func theLanesOfOneThatIsGoneAreUnclean() async throws {
        try await withMigratedDatabase { database, connection in
            let first = try await ledger(database, "first")
            _ = try await first.claim([0, 1])
            try await first.release([1], clean: [1])
            await first.connection.close()
            try await connection.waitUntil(Self.noRelayLock)
            let claims = try await ledger(database, "second").claim([0, 1, 2])
            #expect(claims.filter(\.isUnclean).map(\.lane) == [0])
        }
    }

    @Test func anOwnerReleasesOnlyWhatIsStillItsOwn() async throws {
        try await withMigratedDatabase { database, connection in
            let late = try await ledger(database, "late")
            _ = try await late.claim([0])
            _ = try await late.connection.execute("SELECT pg_advisory_unlock_all()")
            let successor = try await ledger(database, "successor")
            #expect(try await successor.claim([0]).map(\.isUnclean) == [true])
            try await late.release([0], clean: [0])
            let open = try await connection.number("SELECT count(*) FROM lane_owners WHERE released_at IS NULL")
            #expect(open == 1)
        }
    }

    @Test func aClaimStartsAtTheEndOfTheChain() async throws {
        try await withMigratedDatabase { database, connection in
            for (after, upTo) in [(0, 7), (7, 12), (12, 40)] {
                try await connection.deliver(lane: 5, after: Int64(after), upTo: Int64(upTo), rows: 1)
            }
            let before = try await connection.execute("SELECT now()").timestampMilliseconds(0, 0)
            let claims = try await ledger(database, "first").claim([5, 6])
            #expect(claims.map(\.lane).sorted() == [5, 6])
            #expect(claims.first { $0.lane == 5 }?.recordedUpTo == 40)
            #expect(claims.first { $0.lane == 6 }?.recordedUpTo == 0)
            #expect(claims.allSatisfy { $0.claimedAt >= before && $0.claimedAt < before + 60_000 })
        }
    }

    @Test func entriesAreKeptAsTheyAre() async throws {
        try await withMigratedDatabase { database, connection in
            let ledger = try await ledger(database, "first")
            try await ledger.record([
                .init(lane: 2, afterID: 0, upToID: 9, rows: 4), .init(lane: 3, afterID: 0, upToID: 8, rows: 1),
            ])
            try await ledger.record([.init(lane: 2, afterID: 9, upToID: 30, rows: 2)])
            let rows = try await connection.execute(
                "SELECT lane || ' ' || after_id || ' ' || upto_id || ' ' || rows || ' ' || relay || ' ' || attempt "
                    + "FROM outbox_deliveries ORDER BY lane, after_id")
            #expect(
                (0..<rows.count).map { rows.text($0, 0) } == ["2 0 9 4 first 1", "2 9 30 2 first 1", "3 0 8 1 first 1"])
        }
    }

    @Test func aLaneIsNotTakenWhileTheLedgerTakesNoEntry() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.script(
                """
                ALTER TABLE outbox_deliveries ADD CONSTRAINT nothing CHECK (rows < 0);
                INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
                VALUES (3, 'Trade', 1, now(), now(), '')
                """)
            let first = try await ledger(database, "first")
            let error = try await #require(throws: PostgresError.self) { _ = try await first.claim([3]) }
            #expect(error.sqlstate == "23514")
            await first.connection.close()
            try await connection.script("ALTER TABLE outbox_deliveries DROP CONSTRAINT nothing")
            let second = try await ledger(database, "second")
            while try await second.claim([3]).isEmpty { await Task.yield() }
            #expect(try await connection.number("SELECT count(*) FROM outbox_deliveries") == 0)
        }
    }

    /// A relay that was stopped and wakes up late can't move the ledger, not even of its other lanes.
    @Test func aLateRelayCannotExtendWhatItsSuccessorExtended() async throws {
        try await withMigratedDatabase { database, connection in
            let late = try await ledger(database, "late")
            let successor = try await ledger(database, "successor")
            try await successor.record([.init(lane: 2, afterID: 0, upToID: 5, rows: 1)])
            let error = try await #require(throws: PostgresError.self) {
                try await late.record([
                    .init(lane: 1, afterID: 0, upToID: 4, rows: 4), .init(lane: 2, afterID: 0, upToID: 9, rows: 9),
                ])
            }
            #expect(error.sqlstate == "23505")
            #expect(try await connection.number("SELECT count(*) FROM outbox_deliveries") == 1)
        }
    }
}
