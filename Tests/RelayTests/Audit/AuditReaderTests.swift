import ArgumentParser
import Postgres
import Records
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Reading the outbox for an audit", .timeLimit(.minutes(10)))
struct AuditReaderTests {
    /// 3,000 rows of five kinds and 40 markets on two exchanges, ten a second for five minutes, over three partitions of
    /// which one was closed early; some lanes are behind, and some rows are exceptions of every sort.
    private func withLog(_ body: (TestDatabase, PostgresConnection) async throws -> Void) async throws {
        try await withMigratedDatabase { database, connection in
            let lanes = (1...40).map { "(\($0), \(Lane.of(market: Int32($0))))" }.joined(separator: ", ")
            try await connection.script(
                """
                INSERT INTO exchanges VALUES (2, 'kraken', 'Kraken Ltd');
                UPDATE markets SET exchange_id = 2, symbol = 'BTC/USDT' WHERE id % 10 = 0;
                CREATE TEMP TABLE lanes (market, lane) AS VALUES \(lanes);
                CREATE FUNCTION pg_temp.fill(low int, high int) RETURNS void LANGUAGE sql AS $$
                    INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, trace_id, body, created_at)
                    SELECT lane, ('{CandleStick,OrderBook,Ticker,Trade,ExchangeRate}'::text[])[n % 5 + 1], market,
                           'epoch'::timestamptz + make_interval(mins => n), 'epoch'::timestamptz + make_interval(mins => n + 1),
                           CASE WHEN n % 3 = 0 THEN 'trace' || n / 30 END, '{}',
                           now() - make_interval(secs => (3000 - n) / 10.0)
                    FROM generate_series(low, high) AS n JOIN lanes ON market = n * 7 % 40 + 1 ORDER BY n $$;
                SELECT pg_temp.fill(0, 1999);
                SELECT setval('outbox_id_seq', 5000000);
                SELECT pg_temp.fill(2000, 2999);
                SELECT setval('outbox_id_seq', 10000500);
                INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay)
                SELECT lane, 0, max(id), count(*), 'r' FROM outbox WHERE id < 5000900 - lane * 60 GROUP BY lane;
                INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts, last_error, published_at)
                SELECT id, lane, CASE WHEN id % 2 = 0 THEN 'parked' ELSE 'superseded' END, 3, 'no route',
                       CASE WHEN id % 5 = 0 THEN now() END
                FROM outbox WHERE id % 37 = 0;
                ANALYZE
                """)
            try await body(database, connection)
        }
    }

    private func ids(
        _ connection: PostgresConnection, _ words: [String], limit: Int? = nil
    ) async throws -> [Int64] {
        let reader = AuditReader(connection: connection)
        let query = try await reader.resolve(try OutboxFilter.parse(words))
        var ids: [Int64] = []
        try await reader.read(query, limit: limit, page: { rows in ids += (0..<rows.count).map { rows.int8($0, 0) } })
        return ids
    }

    /// A selection as it is given, and as the view has it.
    private static let selections: [(words: [String], sql: String)] = [
        ([], "true"),
        (["--market", "7"], "market_id = 7"),
        (["--symbol", "BTC/USDT"], "market_id % 10 = 0"),
        (["--exchange", "kraken"], "exchange = 'kraken'"),
        (["--exchange", "Kraken Ltd", "--market", "20"], "market_id = 20"),
        (["--exchange", "kraken", "--market", "7"], "false"),
        (["--symbol", "nothing"], "false"),
        (["--kind", "Trade"], "record_type = 'Trade'"),
        (["--trace", "trace4"], "trace_id = 'trace4'"),
        (["--state", "pending"], "state = 'pending'"),
        (["--state", "published"], "state = 'published'"),
        (["--state", "parked"], "state = 'parked'"),
        (["--state", "superseded", "--kind", "Ticker"], "state = 'superseded' AND record_type = 'Ticker'"),
        (["--state", "published", "--market", "3"], "state = 'published' AND market_id = 3"),
        (["--state", "pending", "--market", "3"], "state = 'pending' AND market_id = 3"),
        (["--id", "5", "--id", "2997", "--id", "5000100", "--id", "77"], "id IN (5, 2997, 5000100, 77)"),
        (["--id", "5", "--id", "74", "--kind", "Trade"], "id IN (5, 74) AND record_type = 'Trade'"),
        (["--id", "5", "--id", "9", "--market", "29"], "id IN (5, 9) AND market_id = 29"),
    ]

    @Test func everySelectionHasTheRowsThatTheViewHas() async throws {
        try await withLog { database, connection in
            let auditor = try await database.connect(parameters: AuditReader.plannerSettings)
            for (words, sql) in Self.selections {
                let rows = try await connection.execute("SELECT id FROM outbox_audit WHERE \(sql) ORDER BY id DESC")
                let expected = (0..<rows.count).map { rows.int8($0, 0) }
                #expect(try await ids(auditor, words) == expected, "\(words)")
                #expect(try await ids(auditor, words, limit: 20) == Array(expected.prefix(20)), "\(words)")
            }
        }
    }

    /// Bounds by time are found by a search, at any place of the log, also where a partition was closed early.
    @Test func timesAreBoundsToTheRow() async throws {
        try await withLog { database, connection in
            let auditor = try await database.connect(parameters: AuditReader.plannerSettings)
            // One transaction began long before the rows around its own.
            try await connection.script(
                "UPDATE outbox SET created_at = created_at - interval '50 seconds' WHERE id % 250 = 0")
            let base = try await connection.execute("SELECT (now() - interval '300 seconds')::text, now()::text").text(
                0, 0)
            for (since, until) in [(0, 60), (100, 130), (180, 220), (250, 500), (-100, -1), (400, 500), (299, 300)] {
                let times = try await connection.execute(
                    "SELECT \([since, until].map { "to_char(('\(base)'::timestamptz + interval '\($0) s') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')" }.joined(separator: ", "))"
                )
                let (from, to) = (times.text(0, 0), times.text(0, 1))
                let rows = try await connection.execute(
                    "SELECT id FROM outbox WHERE created_at >= '\(from)' AND created_at < '\(to)' ORDER BY id DESC")
                let expected = (0..<rows.count).map { rows.int8($0, 0) }
                #expect(try await ids(auditor, ["--since", from, "--until", to]) == expected, "\(since) to \(until)")
            }
            #expect(try await ids(auditor, ["--since", "1h"]).count == 3000)
            #expect(try await ids(auditor, ["--until", "1h"]).isEmpty)
        }
    }

    @Test func anEmptyLogHasNoRows() async throws {
        try await withMigratedDatabase { _, connection in
            for words in [[], ["--since", "1h"], ["--state", "parked"], ["--id", "7"]] {
                let found = try await ids(connection, words)
                #expect(found.isEmpty, "\(words)")
            }
        }
    }

    /// A page looks at the ids that it needs and no others, however long the log is.
    @Test func aPageIsReadAlongTheKey() async throws {
        try await withLog { database, _ in
            let auditor = try await database.connect(parameters: AuditReader.plannerSettings)
            let page = IDWalk.Page(low: 5_000_400, high: 5_000_449, lanes: Array(0..<16))
            for query in [AuditQuery(), AuditQuery(kind: "Trade"), AuditQuery(state: .published)] {
                var statement = query.statement(page, limit: 50)
                statement.sql = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + statement.sql
                let rows = try await auditor.execute(statement)
                let plan = (0..<rows.count).map { rows.text($0, 0) }
                #expect(
                    plan.contains { $0.contains("Index Cond: ((lane = ANY") && $0.contains("(id >= '5000400'") },
                    "\(plan)")
                #expect(
                    !plan.contains { line in
                        ["outbox_from_1_pkey", "Seq Scan", "Materialize", "Hash Join"].contains { line.contains($0) }
                    }, "\(plan)")
            }
        }
    }

    /// Of one market no more is read than up to the last row that is wanted, though the page has all ids.
    @Test func aMarketIsReadUpToTheLastRowThatIsWanted() async throws {
        try await withLog { database, _ in
            let auditor = try await database.connect(parameters: AuditReader.plannerSettings)
            let query = AuditQuery(markets: [7])
            #expect(query.stopsAtTheLastRow)
            var statement = query.statement(IDWalk.Page(low: 1, high: 5_000_999, lanes: query.lanes), limit: 5)
            statement.sql = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + statement.sql
            let rows = try await auditor.execute(statement)
            let plan = (0..<rows.count).map { rows.text($0, 0) }
            #expect(plan.contains { $0.contains("Index Scan Backward using outbox_from_5000001_pkey") }, "\(plan)")
            #expect(plan.contains { $0.contains("outbox_from_1_pkey") && $0.contains("(never executed)") }, "\(plan)")
        }
    }
}
