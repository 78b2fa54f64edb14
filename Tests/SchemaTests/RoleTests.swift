import Postgres
import Schema
import TestSupport
import Testing

@Suite("What roles may do", .timeLimit(.minutes(2)))
struct RoleTests {
    /// Every relation, and of each part SELECT, INSERT, UPDATE, DELETE; small letters: of some columns only.
    private static let matrix = """
        relation               | writer | relay  | operator | auditor | console
        candle_sticks          | Si     |        | Si       | S       | S
        candle_sticks_first    | S      |        | S        | S       | S
        candle_sticks_last     | S      |        | S        | S       | S
        candles                |        |        | S        | S       | S
        conflicting_duplicates | i      |        | Siu      | S       | S
        exchange_rates         | Si     |        | Si       | S       | S
        exchange_rates_first   | S      |        | S        | S       | S
        exchange_rates_last    | S      |        | S        | S       | S
        exchanges              |        |        | SIu      | S       | S
        ingest_batches         | i      |        | Si       | S       | S
        ingest_pruned          |        |        | S        | S       | S
        lane_owners            |        | Siu    | Siu      | S       | S
        latest_candles         |        |        | S        | S       | S
        markets                | S      |        | SIu      | S       | S
        order_books            | Si     |        | Si       | S       | S
        order_books_first      | S      |        | S        | S       | S
        order_books_last       | S      |        | S        | S       | S
        outbox                 | i      | S      | Si       | S       | S
        outbox_acts            |        | S      | Siu      | S       | S
        outbox_audit           |        |        | S        | S       | S
        outbox_deliveries      |        | Si     | Si       | S       | S
        outbox_exceptions      |        | Siu    | Siu      | S       | S
        outbox_from_1          |        | S      | S        | S       | S
        outbox_from_5000001    |        | S      | S        | S       | S
        outbox_gaps            |        | S      | S        | S       | S
        outbox_id_seq          |        | S      | S        | S       | S
        outbox_partitions      |        |        | S        | S       | S
        outbox_pruned          |        |        | S        | S       | S
        outbox_replays         |        |        | Si       | S       | S
        outbox_servers         |        |        | S        | S       | S
        pruned_rows            |        |        | S        | S       | S
        quarantine             | Siu    |        | Siu      | S       | S
        quarantine_acts        | i      |        | Si       | S       | S
        record_kinds           | S      | S      | S        | S       | S
        record_partitions      |        |        | S        | S       | S
        record_revisions       |        |        | S        | S       | S
        record_tables          | S      |        | S        | S       | S
        records_pruned         |        |        | S        | S       | S
        relays                 |        | SiuD   | SiuD     | S       | S
        schema_migrations      | S      | S      | S        | S       | S
        tickers                | Si     |        | Si       | S       | S
        tickers_first          | S      |        | S        | S       | S
        tickers_last           | S      |        | S        | S       | S
        trades                 | Si     |        | Si       | S       | S
        trades_first           | S      |        | S        | S       | S
        trades_last            | S      |        | S        | S       | S
        verifications          |        |        | S        | S       | S
        """

    private static let functions = """
        candlepost_keep_verification | operator console
        candlepost_prune_kept  | relay operator
        candlepost_strangers   | writer relay operator auditor console
        candlepost_waits       | writer relay operator auditor console
        outbox_arrive          | writer relay operator
        outbox_close_partition | relay operator
        outbox_hold_ledger     | operator
        outbox_ids_ahead       | writer operator auditor console
        outbox_ids_report      | writer relay operator auditor console
        outbox_ids_wanted      | writer operator auditor console
        outbox_make_partitions | writer relay operator
        outbox_prune           | relay operator
        outbox_take_lanes      | writer operator
        records_columnar_partitions | operator auditor console
        records_detach         | relay operator
        records_drop_detached  | relay operator
        records_gaps           | writer operator auditor console
        records_make_partitions | writer relay operator
        records_revise         | writer operator
        records_version        | writer operator
        records_report         | writer operator auditor console
        """

    private static let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE"]

    /// From the catalog: all relations of the schema, so that a new one is missed here if nobody thought of it.
    private func rights(_ role: String, _ connection: PostgresConnection) async throws -> [(String, String)] {
        let rows = try await connection.execute(
            """
            SELECT c.oid::regclass::text,
                   string_agg(CASE WHEN CASE c.relkind WHEN 'S' THEN v.verb = 'SELECT'
                                             AND has_sequence_privilege($1, c.oid, 'SELECT')
                                        ELSE has_table_privilege($1, c.oid, v.verb) END THEN left(v.verb, 1)
                                   WHEN c.relkind <> 'S' AND v.verb <> 'DELETE'
                                        AND has_any_column_privilege($1, c.oid, v.verb) THEN lower(left(v.verb, 1))
                                   ELSE '' END, '' ORDER BY v.n)
            FROM pg_class c CROSS JOIN unnest($2::text[]) WITH ORDINALITY AS v(verb, n)
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
              AND c.relname !~ '_id_seq$|^(candle|order|ticker|trade|exchange).*_from_[0-9]{8}$' OR c.relname = 'outbox_id_seq'
            GROUP BY 1 ORDER BY 1
            """, [.text(role), .textArray(Self.verbs)])
        return (0..<rows.count).map { (rows.text($0, 0), rows.text($0, 1)) }
    }

    private func withRoles(_ body: (TestRoles, TestDatabase, PostgresConnection) async throws -> Void) async throws {
        try await withMigratedDatabase { database, owner in
            try await TestRoles.with(database, owner) { roles in try await body(roles, database, owner) }
        }
    }

    @Test(.needsNativePartitions) func eachVerbOnEachRelationIsAsInTheTable() async throws {
        try await withRoles { roles, _, owner in
            var found: [String: [String: String]] = [:]
            for (part, role) in roles.names {
                for (relation, verbs) in try await rights(role, owner) { found[relation, default: [:]][part] = verbs }
            }
            let lines = found.keys.sorted().map { relation in
                ([relation] + TestRoles.parts.map { found[relation]?[$0] ?? "" }).joined(separator: "|")
            }
            let expected = Self.matrix.split(separator: "\n").dropFirst().map { $0.filter { $0 != " " } }
            #expect(lines == expected)
        }
    }

    @Test func eachFunctionIsForThoseWhoNeedIt() async throws {
        try await withRoles { roles, _, owner in
            let expected = Dictionary(
                uniqueKeysWithValues: Self.functions.split(separator: "\n").map { line in
                    let halves = line.split(separator: "|")
                    return (halves[0].filter { $0 != " " }, Set(halves[1].split(separator: " ").map(String.init)))
                })
            let functions = try await owner.execute(
                "SELECT f::text, (SELECT proname::text FROM pg_proc WHERE oid = f) FROM candlepost_functions() AS f")
            #expect(functions.count > expected.count)
            for row in 0..<functions.count {
                var callers: Set<String> = []
                for (part, role) in roles.names {
                    let may = try await owner.execute(
                        "SELECT has_function_privilege($1, $2, 'EXECUTE')",
                        [.text(role), .text(functions.text(row, 0))])
                    if may.bool(0, 0) { callers.insert(part) }
                }
                #expect(callers == expected[functions.text(row, 1)] ?? [], "\(functions.text(row, 0))")
            }
        }
    }

    /// Part, and what it must not do.
    @Test(arguments: [
        ("writer", "UPDATE outbox SET body = ''"), ("writer", "DELETE FROM outbox"), ("writer", "SELECT FROM outbox"),
        ("operator", "UPDATE conflicting_duplicates SET payload = ''"), ("writer", "DELETE FROM record_revisions"),
        (
            "writer",
            "SELECT FROM records_revise('CandleStick', NULL, true, '{1}', '{now}', '{now}', '{a}', '{b}', '{charts}', "
                + "'{float8[]}', '{}')"
        ),
        ("writer", "DELETE FROM candle_sticks"), ("writer", "UPDATE candle_sticks SET charts = '{}'"),
        ("writer", "DELETE FROM quarantine"), ("writer", "UPDATE quarantine SET body = ''"),
        ("writer", "SELECT setval('outbox_id_seq', 1)"), ("writer", "DROP TABLE outbox_from_1"),
        (
            "writer",
            "INSERT INTO outbox (id, lane, record_type, market_id, interval_start, interval_end, body) "
                + "VALUES (1, 0, '', 1, now(), now(), '')"
        ),
        ("writer", "SELECT FROM outbox_prune('0', '')"), ("writer", "INSERT INTO markets VALUES (99, 1, '', '')"),
        ("writer", "SELECT candlepost_grant('operator', current_user::regrole)"),
        ("relay", "SELECT FROM candle_sticks"), ("relay", "SELECT FROM quarantine"), ("relay", "SELECT FROM markets"),
        ("relay", "UPDATE outbox SET body = ''"), ("relay", "DELETE FROM outbox"),
        ("relay", "DELETE FROM outbox_deliveries"),
        ("relay", "UPDATE outbox_exceptions SET state = 'superseded'"),
        ("relay", "INSERT INTO ingest_batches DEFAULT VALUES"),
        ("relay", "CREATE TABLE public.mine ()"), ("operator", "DELETE FROM outbox"),
        ("operator", "DELETE FROM outbox_acts"), ("operator", "DELETE FROM verifications"),
        ("console", "INSERT INTO verifications DEFAULT VALUES"),
        ("auditor", "SELECT candlepost_keep_verification('', 1, '{p}', '{1}', '{1}', '{x}', '')"),
        ("operator", "UPDATE outbox_acts SET acted_by = 'somebody else'"), ("operator", "DELETE FROM quarantine_acts"),
        ("auditor", "DELETE FROM outbox"), ("auditor", "INSERT INTO outbox_acts DEFAULT VALUES"),
        ("auditor", "SELECT outbox_make_partitions()"), ("auditor", "SELECT outbox_hold_ledger()"),
    ])
    func whatIsNotGivenIsDenied(part: String, sql: String) async throws {
        try await withRoles { roles, database, _ in
            let connection = try await connect(roles.url(part), database)
            let error = await #expect(throws: PostgresError.self) { try await connection.execute(sql) }
            #expect(error?.sqlstate == "42501", "\(sql): \(error?.description ?? "done")")
            await connection.close()
        }
    }

    /// With the owner's rights, but not by names that the caller made up.
    @Test func aCallersTemporaryTablesAreNotSeen() async throws {
        try await withRoles { roles, database, owner in
            let writer = try await connect(roles.url("writer"), database)
            let ahead = try await owner.number("SELECT outbox_ids_ahead()")
            try await writer.script(
                """
                CREATE TEMPORARY TABLE outbox_partitions (upto_id bigint);
                INSERT INTO pg_temp.outbox_partitions VALUES (1000000000);
                CREATE TEMPORARY TABLE outbox_id_seq AS SELECT 999999999 AS last_value;
                SET search_path = pg_temp, public;
                """)
            #expect(try await writer.number("SELECT public.outbox_ids_ahead()") == ahead)
            #expect(try await writer.execute("SELECT public.outbox_make_partitions()").int4(0, 0) == 0)
            await writer.close()
        }
    }

    @Test func whatIsTakenBackIsGone() async throws {
        try await withRoles { roles, _, owner in
            for role in roles.names.values {
                _ = try await owner.execute("SELECT candlepost_revoke($1::text::regrole)", [.text(role)])
                #expect(try await rights(role, owner).allSatisfy { $0.1.isEmpty })
            }
            let unknown = await #expect(throws: PostgresError.self) {
                try await owner.execute("SELECT candlepost_grant('reader', current_user::regrole)")
            }
            #expect(unknown?.sqlstate == "22023")
        }
    }

    /// Roles that were granted before the migrations that narrowed and added rights have what they would be granted now.
    @Test func rolesThatWereThereBeforeHaveTheSameRights() async throws {
        let before = 12
        let migrations = try Migration.load(from: Migration.folder())
        try await withTestDatabase { database in
            let owner = try await database.connect()
            _ = try await Migrator(Array(migrations.prefix(before))).migrate(owner)
            let parts = TestRoles.parts.filter { $0 != "console" }
            var found: [[String]] = []
            let names = parts.map { ($0, "test_before_\($0)_\(database.name)") }
            for (part, name) in names {
                try await owner.script("CREATE ROLE \(name); SELECT candlepost_grant('\(part)', '\(name)')")
            }
            _ = try await Migrator(migrations).migrate(owner)
            for round in 0..<2 {
                if round > 0 {
                    for (part, name) in names {
                        try await owner.script("SELECT candlepost_grant('\(part)', '\(name)')")
                    }
                }
                var all: [String] = []
                for (part, name) in names {
                    all += try await rights(name, owner).map { "\(part) \($0.0) \($0.1)" }
                    let functions = try await owner.execute(
                        """
                        SELECT f::text FROM candlepost_functions() AS f WHERE has_function_privilege($1, f::oid, 'EXECUTE')
                        ORDER BY 1
                        """, [.text(name)])
                    all += (0..<functions.count).map { "\(part) \(functions.text($0, 0))" }
                }
                found.append(all)
            }
            #expect(found[0] == found[1])
            for (_, name) in names {
                try await owner.script("SELECT candlepost_revoke('\(name)'); DROP ROLE \(name)")
            }
            await owner.close()
        }
    }

    /// The owner need not be a superuser, and partitions that are made later are shared, too.
    @Test func anOrdinaryOwnerMigratesAndGrants() async throws {
        try await withTestDatabase { database in
            let admin = try await database.connect()
            let name = "test_owner_\(database.name)"
            try await admin.script(
                "CREATE ROLE \(name) LOGIN CREATEROLE PASSWORD 'password'; ALTER DATABASE \(database.name) OWNER TO \(name)"
            )
            let login = database.url.firstRange(of: "://")!.upperBound..<database.url.firstIndex(of: "@")!
            let url = database.url[..<login.lowerBound] + "\(name):password" + database.url[login.upperBound...]
            let owner = try await connect(String(url), database)
            _ = try await Migrator(Migration.load(from: Migration.folder())).migrate(owner)
            try await TestRoles.with(database, owner) { roles in
                for part in ["writer", "relay"] {
                    let connection = try await connect(roles.url(part), database)
                    let ahead = part == "writer" ? 20_000_000 : 30_000_000
                    #expect(try await connection.execute("SELECT outbox_make_partitions(\(ahead))").int4(0, 0) == 2)
                    await connection.close()
                }
                let auditor = try await connect(roles.url("auditor"), database)
                #expect(try await auditor.number("SELECT count(*) FROM outbox_from_25000001") == 0)
                await auditor.close()
            }
            await owner.close()
            try await admin.script(
                "ALTER DATABASE \(database.name) OWNER TO CURRENT_USER; DROP OWNED BY \(name) CASCADE; DROP ROLE \(name)"
            )
            await admin.close()
        }
    }

    private func connect(_ url: String, _ database: TestDatabase) async throws -> PostgresConnection {
        try await database.connect { $0.conninfo = url }
    }
}

extension Parameter {
    fileprivate static func textArray(_ texts: [String]) -> Parameter {
        var array = BinaryArray(elementType: .text, capacity: texts.count)
        for text in texts { array.append(text: text) }
        return .array(array)
    }
}
