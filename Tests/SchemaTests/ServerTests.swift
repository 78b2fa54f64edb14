import Postgres
import TestSupport
import Testing

@testable import Schema

/// Ids rise, whatever is done to the sequence or the server.
@Suite("Ids and servers", .timeLimit(.minutes(5)))
struct ServerTests {
    private static let rows = """
        INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
        SELECT 9, 'CandleStick', 1, 'epoch', 'epoch', '' FROM generate_series(1, 1000)
        """
    private static let next =
        "INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body) "
        + "VALUES (9, 'CandleStick', 1, 'epoch', 'epoch', '') RETURNING id"

    private func withArrived(_ body: (TestDatabase, PostgresConnection, ServerGuard) async throws -> Void) async throws
    {
        try await withMigratedDatabase { database, owner in
            let servers = ServerGuard()
            #expect(try await servers.admit(owner).repair == nil)
            try await owner.script(Self.rows)
            try await body(database, owner, servers)
        }
    }

    @Test func whatIsWellIsLeftAsItIs() async throws {
        try await withArrived { _, owner, servers in
            let (server, repair) = try await servers.admit(owner)
            #expect(repair == nil && server.timeline >= 1 && server.systemIdentifier != 0)
            #expect(try await owner.number(Self.next) == 1001)
            #expect(try await owner.number("SELECT count(*) FROM outbox_gaps") == 0)
        }
    }

    /// A writer that comes first is refused, and nothing is stored under an id that is below others of its lane.
    @Test(arguments: ["1, false", "1", "999"]) func aSequenceThatWasSetBackGoesOnAhead(_ place: String) async throws {
        try await withArrived { _, owner, servers in
            try await owner.script("SELECT setval('outbox_id_seq', \(place))")
            let error = await #expect(throws: PostgresError.self) {
                try await owner.execute("SELECT outbox_take_lanes(1, '{3,9}')")
            }
            #expect(error?.sqlstate == "55000" && error?.recovery == .fix)
            #expect(try await servers.admit(owner).repair == "the sequence was behind the log")
            _ = try await owner.execute("SELECT outbox_take_lanes(1, '{3,9}')")
            #expect(try await owner.number(Self.next) == 1001)
        }
    }

    /// Also when the rows are gone, by what the ledgers say.
    @Test(arguments: [
        "INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay) VALUES (9, 0, 5000, 1000, 'r')",
        "INSERT INTO outbox_gaps (from_id, upto_id) VALUES (1001, 5001)",
        "INSERT INTO outbox_pruned (from_id, upto_id, rows, superseded, pruned_by) VALUES (1001, 5001, 1, 0, '')",
    ]) func whatTheLedgersKnowCounts(_ sql: String) async throws {
        try await withArrived { _, owner, servers in
            try await owner.script("\(sql); SELECT setval('outbox_id_seq', 10)")
            _ = try await servers.admit(owner)
            #expect(try await owner.number(Self.next) == 5001)
        }
    }

    /// As after a promotion (another timeline) and a restore elsewhere (another system).
    @Test(arguments: ["timeline = 0", "system_identifier = 1"]) func onAnotherServerIdsJump(_ change: String)
        async throws
    {
        try await withArrived { _, owner, servers in
            try await owner.script("UPDATE outbox_servers SET \(change)")
            let repair = try #require(try await servers.admit(owner).repair)
            #expect(repair == (change.hasPrefix("time") ? "timeline 1 after 0" : "another server"))
            let id = try await owner.number(Self.next)
            #expect(id > 360_000_000 && id < 400_000_000, "an hour at 100,000 a second")
            #expect(try await owner.number("SELECT outbox_ids_ahead()") >= 9_000_000)
            #expect(try await owner.number("SELECT count(*) FROM outbox_partitions") <= 5)
            #expect(
                try await owner.number("SELECT outbox_partition_width()") == 5_000_000, "what is skipped is not used")
            #expect(try await servers.admit(owner).repair == nil)
        }
    }

    /// A restore of an old state: ids that were drawn since it was saved are jumped over, however many there could be.
    @Test func theOlderTheStateTheFartherTheyJump() async throws {
        try await withArrived { _, owner, servers in
            try await owner.script(
                """
                UPDATE outbox SET created_at = now() - interval '7 days';
                UPDATE outbox_servers SET timeline = 0, noted_at = now() - interval '8 days'
                """)
            _ = try await servers.admit(owner)
            #expect(try await owner.number(Self.next) > 60_000_000_000)
        }
    }

    /// The same server in an older state, a copy that was started without recovery: the process remembers.
    @Test func whatTheProcessHasSeenCounts() async throws {
        try await withArrived { _, owner, servers in
            _ = try await servers.admit(owner)
            try await owner.script(
                """
                DELETE FROM outbox WHERE id > 500; SELECT setval('outbox_id_seq', 500);
                UPDATE outbox_servers SET noted_at = now() - interval '1 hour'
                """)
            #expect(try await servers.admit(owner).repair == "id 1000 was seen here before")
            #expect(try await owner.number(Self.next) > 1000)
        }
    }

    @Test func aCacheIsRefusedWithTheLineThatMends() async throws {
        try await withArrived { _, owner, servers in
            try await owner.script("ALTER SEQUENCE outbox_id_seq CACHE 50")
            let error = await #expect(throws: PostgresError.self) { try await servers.admit(owner) }
            let line = try #require(
                error?.message.firstRange(of: "ALTER SEQUENCE").map { error?.message[$0.lowerBound...] })
            try await owner.script(String(try #require(line)))
            #expect(try await servers.admit(owner).repair == nil)
        }
    }

    /// Each thing has a line in `check`, with what mends it.
    @Test(arguments: [
        ("SELECT setval('outbox_id_seq', 5)", "SELECT setval('outbox_id_seq', 1000)"),
        ("ALTER SEQUENCE outbox_id_seq CACHE 2", "ALTER SEQUENCE outbox_id_seq"),
        ("SELECT setval('outbox_id_seq', 9999000)", "SELECT outbox_make_partitions()"),
        (
            "INSERT INTO quarantine (id, queue, reason, detail, body) OVERRIDING SYSTEM VALUE VALUES (9, '', '', '', '')",
            "ids of quarantine are at 0, its rows at 9"
        ),
    ]) func checkNamesEach(change: String, words: String) async throws {
        try await withArrived { _, owner, _ in
            #expect(try await owner.number("SELECT count(*) FROM outbox_ids_report() WHERE NOT is_fine") == 0)
            try await owner.script(change)
            let found = try await owner.execute("SELECT finding FROM outbox_ids_report() WHERE NOT is_fine")
            #expect(found.count == 1 && found.text(0, 0).contains(words), "\(found.count)")
        }
    }

    @Test func anIdentityBehindItsTableGoesOnAhead() async throws {
        try await withArrived { _, owner, servers in
            try await owner.script(
                """
                INSERT INTO ingest_batches (id, writer, received, stored, duplicate, quarantined) OVERRIDING SYSTEM VALUE
                VALUES (7, 'w', 1, 1, 0, 0)
                """)
            #expect(try await servers.admit(owner).repair == "ids of ingest_batches went on after 7")
            try await owner.script(
                "INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 1, 1, 0, 0)"
            )
            #expect(try await owner.number("SELECT max(id) FROM ingest_batches") == 8)
        }
    }

    @Test func twoThatArriveAtOnceMoveOnce() async throws {
        try await withArrived { database, owner, _ in
            try await owner.script("UPDATE outbox_servers SET timeline = 0")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    let connection = try await database.connect()
                    group.addTask {
                        try await ServerGuard().admit(connection)
                        await connection.close()
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await owner.number("SELECT count(*) FROM outbox_servers") == 2)
        }
    }

    @Test func anOlderTimelineIsRefused() throws {
        var memory = ServerMemory()
        let (old, new) = (Server(systemIdentifier: 5, timeline: 1), Server(systemIdentifier: 5, timeline: 2))
        try memory.met(old, lastID: 10)
        try memory.met(new, lastID: 7)
        #expect(memory.server == new && memory.highestID == 10)
        #expect(throws: OlderServer(server: old, met: new)) { try memory.met(old, lastID: 11) }
        #expect(memory.server == new && memory.highestID == 10)
        // Another system is a cut-over, whatever its timeline.
        try memory.met(Server(systemIdentifier: 6, timeline: 1), lastID: 12)
        #expect(memory.server?.systemIdentifier == 6 && memory.highestID == 12)
    }
}
