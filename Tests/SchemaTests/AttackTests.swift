import FoundationEssentials
import Postgres
import TestSupport
import Testing

/// What a stolen role can do that lasts: nothing beyond what it is for, with any SQL.
@Suite("Lasting harm by roles", .timeLimit(.minutes(5)))
struct AttackTests {
    /// Market 1 is in lane 9. Rows 1 and 2 are published, 2 after it was parked; 3 is parked, 4 pending, 5 superseded.
    private static let world = """
        INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
        SELECT 1, to_timestamp(n * 60), to_timestamp(n * 60 + 60), '{}' FROM generate_series(1, 5) AS n;
        INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
        SELECT 9, 'CandleStick', 1, interval_start, interval_end, '{}' FROM candle_sticks ORDER BY 2;
        INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay) VALUES (9, 0, 2, 2, 'r');
        INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts, published_at)
        VALUES (2, 9, 'parked', 3, now()), (3, 9, 'parked', 3, NULL), (5, 9, 'superseded', 0, NULL);
        INSERT INTO outbox_acts (act, selection, rows, done, acted_by, ended_at)
        VALUES ('replayed', '', 3, 3, '', now()), ('replayed', '', 3, 1, '', NULL);
        INSERT INTO lane_owners (lane, relay) VALUES (9, 'r');
        INSERT INTO relays (relay, started_at, published, by_doorbell, by_poll) VALUES ('r', now(), 0, 0, 0);
        INSERT INTO quarantine (queue, reason, detail, body) VALUES ('q', 'not_json', '', ''), ('q', 'not_json', '', '');
        UPDATE quarantine SET resolved_at = now(), resolution = 'discarded' WHERE id = 2;
        INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 7, 5, 0, 2);
        """

    /// All rows, rights and objects of the schema, as one hash. The sequence is none of them: a refused insert draws an id.
    private static let digest = """
        SELECT string_agg(md5(query_to_xml(format('SELECT * FROM %s AS t ORDER BY t::text', c.oid::regclass),
                                           true, true, '')::text) || coalesce(c.relacl::text, ''), ',' ORDER BY c.relname)
               || (SELECT count(*) FROM pg_proc) || (SELECT count(*) FROM pg_trigger) || (SELECT count(*) FROM pg_class)
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        """

    private func withWorld(
        _ body: (PostgresConnection, [String: PostgresConnection]) async throws -> Void
    ) async throws {
        try await withMigratedDatabase { database, owner in
            try await owner.script(Self.world)
            _ = try await owner.execute("SELECT outbox_arrive()")
            let nobody = "test_nobody_\(database.name)"
            try await owner.script("CREATE ROLE \(nobody) LOGIN PASSWORD 'password'")
            try await TestRoles.with(database, owner) { roles in
                var sessions: [String: PostgresConnection] = [:]
                for part in TestRoles.parts { sessions[part] = try await connect(roles.url(part), database) }
                let url = roles.url("writer").replacing(roles.names["writer"] ?? "", with: nobody)
                sessions["nobody"] = try await connect(url, database)
                try await body(owner, sessions)
                for session in sessions.values { await session.close() }
            }
            try await owner.waitUntil("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = $1", [.text(nobody)])
            try await owner.script("DROP ROLE \(nobody)")
        }
    }

    private func connect(_ url: String, _ database: TestDatabase) async throws -> PostgresConnection {
        try await database.connect { $0.conninfo = url }
    }

    @Test func noneSucceeds() async throws {
        #expect(Attack.all.count > 400)
        try await withWorld { owner, sessions in
            let before = try await owner.execute(Self.digest).text(0, 0)
            for attack in Attack.all {
                let session = try #require(sessions[attack.part])
                do throws(PostgresError) {
                    try await session.script(attack.sql)
                    Issue.record("done: \(attack)")
                } catch {
                    #expect(error.sqlstate == attack.sqlstate, "\(attack): \(error)")
                }
            }
            #expect(try await owner.execute(Self.digest).text(0, 0) == before)
        }
    }

    /// Who and when is the server's word, with what the program says beside it.
    @Test func whoActedIsTheRoleThatLoggedIn() async throws {
        try await withWorld { owner, sessions in
            let session = try #require(sessions["operator"])
            try await session.script(
                """
                INSERT INTO outbox_acts (act, selection, rows, acted_by) VALUES ('replayed', '', 1, 'root@desk:1');
                INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by) VALUES (1, 'requeued', '', 'root@desk:1')
                """)
            for table in ["outbox_acts", "quarantine_acts"] {
                let told = try await owner.execute("SELECT acted_by FROM \(table) ORDER BY id DESC LIMIT 1").text(0, 0)
                #expect(told.hasPrefix("test_operator_") && told.hasSuffix(" (root@desk:1)"), "\(told)")
            }
        }
    }

    /// Times that a program may write are the server's, whatever it writes.
    @Test func timesAreTheServers() async throws {
        try await withWorld { owner, sessions in
            try await #require(sessions["relay"]).script(
                """
                UPDATE lane_owners SET claimed_at = 'infinity', released_at = 'infinity';
                UPDATE relays SET seen_at = 'infinity', started_at = 'infinity';
                UPDATE outbox_exceptions SET published_at = 'infinity', relay = 'r' WHERE outbox_id = 3
                """)
            try await #require(sessions["operator"]).script("UPDATE outbox_acts SET ended_at = 'infinity' WHERE id = 2")
            let wrong = try await owner.number(
                """
                SELECT (SELECT count(*) FROM lane_owners WHERE greatest(claimed_at, released_at) > now())
                     + (SELECT count(*) FROM relays WHERE greatest(seen_at, started_at) > now())
                     + (SELECT count(*) FROM outbox_exceptions WHERE published_at > now())
                     + (SELECT count(*) FROM outbox_acts WHERE ended_at > now())
                """)
            #expect(wrong == 0)
        }
    }

    /// As docs/security.md says: who has no part can't connect, and nobody but operators makes temporary tables.
    @Test func theRecipeKeepsStrangersOut() async throws {
        try await withMigratedDatabase { database, owner in
            let name = "test_stranger_\(database.name)"
            try await owner.script("CREATE ROLE \(name) LOGIN PASSWORD 'password'")
            try await TestRoles.with(database, owner) { roles in
                try await owner.script("REVOKE ALL ON DATABASE \(database.name) FROM PUBLIC")
                let writer = try #require(roles.names["writer"])
                try await owner.script("GRANT CONNECT ON DATABASE \(database.name) TO \(writer)")
                let stranger = await #expect(throws: PostgresError.self) {
                    try await connect(roles.url("writer").replacing(writer, with: name), database)
                }
                #expect(stranger?.description.contains("permission denied for database") == true)
                let session = try await connect(roles.url("writer"), database)
                let refused = await #expect(throws: PostgresError.self) {
                    try await session.script("CREATE TEMPORARY TABLE mine ()")
                }
                #expect(refused?.sqlstate == "42501")
                await session.close()
                try await owner.script("REVOKE ALL ON DATABASE \(database.name) FROM \(writer)")
            }
            try await owner.script("DROP ROLE \(name)")
        }
    }

    /// Sessions that wait are told who holds what they wait for.
    @Test func whoHoldsALockIsNamed() async throws {
        try await withWorld { owner, sessions in
            let (stranger, writer) = (try #require(sessions["nobody"]), try #require(sessions["writer"]))
            _ = try await stranger.execute("SELECT pg_advisory_lock(4407639, 9)")
            async let waiting = writer.execute("SELECT pg_advisory_lock(4407639, 9), 'waits'")
            try await owner.waitUntil("SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
            let role = try await owner.execute(
                "SELECT usename::text FROM pg_stat_activity WHERE pid = \(writer.backendProcessID)")
            try await owner.script("SET SESSION AUTHORIZATION \(role.text(0, 0))")
            let waits = try await owner.execute("SELECT * FROM candlepost_waits('0')")
            try await owner.script("RESET SESSION AUTHORIZATION")
            #expect(waits.count == 1)
            #expect(waits.int4(0, 0) == writer.backendProcessID && waits.int4(0, 3) == stranger.backendProcessID)
            #expect(waits.text(0, 4).hasPrefix("test_nobody_") && waits.text(0, 5) == "tests")
            await stranger.close()
            _ = try await waiting
        }
    }

    /// What lasts and is accepted: part, SQL, and the words of docs/security.md that say so.
    @Test(arguments: [
        (
            "writer", "SELECT count(nextval('outbox_id_seq')) FROM generate_series(1, 100000)",
            "draw ids without using them"
        ),
        (
            "writer",
            "INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body) "
                + "VALUES (9, 'CandleStick', 1, 'epoch', 'epoch', '{}')", "store and announce whatever it likes"
        ),
        (
            "writer",
            "INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 1, 1, 0, 0)",
            "count what never came"
        ),
        (
            "writer",
            """
            WITH left_it AS (UPDATE quarantine SET resolved_at = now(), resolution = 'stored' WHERE id = 1 RETURNING id)
            INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by)
            SELECT id, 'retried', 'stored', '' FROM left_it
            """, "call a quarantined message stored"
        ),
        (
            "relay", "INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay) VALUES (9, 2, 5, 3, 'r')",
            "call pending rows published"
        ),
        (
            "relay", "INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (4, 9, 'parked')",
            "park pending rows"
        ),
        ("relay", "SELECT * FROM outbox_prune('1 hour', 'r')", "drop what is an hour old and done with"),
        ("operator", "UPDATE markets SET symbol = 'X' WHERE id = 1", "rename markets"),
        (
            "operator",
            """
            INSERT INTO outbox_acts (act, selection, rows, acted_by) VALUES ('superseded', '', 1, '');
            INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (4, 9, 'superseded')
            """, "give up pending rows, by an act with its name"
        ),
        (
            "console", "SELECT candlepost_keep_verification('', 1, '{p}', '{1}', '{1}', '{x}', '')",
            "say that verify has run"
        ),
        ("auditor", "ALTER ROLE CURRENT_USER PASSWORD 'another'", "change its own password"),
        ("nobody", "SELECT pg_advisory_lock(1, 2)", "take advisory locks"),
        ("nobody", "SELECT lo_create(0)", "large objects"),
    ])
    func whatIsAcceptedStandsInTheDocumentation(part: String, sql: String, words: String) async throws {
        let page = FileManager.default.contents(atPath: "docs/security.md").map { String(decoding: $0, as: UTF8.self) }
        #expect(try #require(page).replacing("\n", with: " ").contains(words))
        try await withWorld { owner, sessions in
            try await #require(sessions[part]).script(sql)
            try await owner.script("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
            // The pair goes on.
            #expect(try await owner.number("SELECT outbox_ids_ahead()") > 5_000_000)
            try await #require(sessions["writer"]).script(
                """
                INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
                VALUES (9, 'CandleStick', 1, 'epoch', 'infinity', '{}')
                """)
        }
    }
}
