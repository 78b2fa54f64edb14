import ArgumentParser
import Candlepost
import Postgres
import ProgramRuntime
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Which rows of the outbox are meant", .timeLimit(.minutes(10)))
struct OutboxFilterTests {
    @Test func flagsAreRecordedSoThatTheyCanBeReadAgain() throws {
        let words = [
            "--id", "7", "--id", "9", "--market", "3", "--symbol", "BTC/USDT", "--exchange", "it's \"one\" \\ x",
            "--kind", "Trade", "--state", "superseded", "--trace", "", "--since", "2026-01-31 12:00:00Z", "--until",
            "2h",
            "--limit", "5",
        ]
        let filter = try LimitedFilter.parse(words)
        #expect(filter.words == words)
        #expect(FlagText.split(FlagText.join(words)) == words)
        #expect(try LimitedFilter.parse(FlagText.split(FlagText.join(words))).words == words)
        #expect(FlagText.join(["--market", "3"]) == "--market 3")
        #expect(FlagText.split("") == [])
    }

    /// Flags, and the ids of the rows that they choose.
    private static let choices: [([String], [Int64])] = [
        ([], [1, 2, 3, 4, 5, 6, 7, 8]), (["--id", "3", "--id", "6", "--id", "99"], [3, 6]),
        (["--market", "2"], [2, 4, 6, 8]),
        (["--market", "41"], []), (["--symbol", "M1/USDT"], [1, 3, 5, 7]),
        (["--exchange", "binance"], [1, 2, 3, 4, 5, 6, 7, 8]),
        (["--exchange", "kraken"], []), (["--kind", "Trade"], [5, 6, 7, 8]), (["--state", "published"], [1, 2, 4, 5]),
        (["--state", "parked"], [3]), (["--state", "pending", "--market", "2"], [6, 8]), (["--trace", "trace 4"], [4]),
        (["--since", "1h"], [3, 4, 5, 6, 7, 8]), (["--until", "1h"], [1, 2]),
        (["--since", "2020-01-01", "--until", "1h", "--market", "1"], [1]),
    ]

    @Test func allConditionsHoldTogether() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.logNumbered(4, markets: [1, 2])
            try await connection.logNumbered(4, markets: [1, 2], kind: "Trade")
            try await connection.deliverAll(upTo: 5)
            try await connection.script(
                """
                UPDATE outbox SET created_at = now() - interval '2 hours' WHERE id <= 2;
                INSERT INTO outbox_exceptions (outbox_id, lane, state) SELECT id, lane, 'parked' FROM outbox WHERE id = 3;
                """)
            for (words, ids) in Self.choices {
                let selection = try OutboxFilter.parse(words).selection()
                let rows = try await connection.execute(
                    "SELECT id FROM outbox_audit \(selection.clause) ORDER BY id", selection.parameters)
                #expect((0..<rows.count).map { rows.int8($0, 0) } == ids, "\(words)")
            }
        }
    }

    @Test func timesThatReachBackBecomeFixed() async throws {
        try await withMigratedDatabase { _, connection in
            let filter = try OutboxFilter.parse(["--since", "2h", "--until", "2026-01-31T12:00:00Z", "--kind", "Trade"])
            let fixed = try await filter.withFixedTimes(connection)
            #expect(fixed.until == "2026-01-31T12:00:00Z" && fixed.kind == "Trade")
            let since = try #require(fixed.since)
            #expect(
                try await connection.execute(
                    "SELECT now() - $1::timestamptz BETWEEN interval '2 hours' AND interval '121 minutes'",
                    [.text(since)]
                ).bool(0, 0))
            let absolute = try await OutboxFilter.parse(["--since", "2026-01-01"]).withFixedTimes(connection)
            #expect(absolute.since == "2026-01-01" && absolute.until == nil)
        }
    }

    @Test func whatTheCommandIsNotAboutIsWrongUsage() throws {
        let filter = try OutboxFilter.parse(["--state", "pending"])
        #expect(throws: CommandExit.self) { try filter.allow(.published, .superseded) }
        try filter.allow(.pending)
        try OutboxFilter.parse([]).allow(.parked)
        #expect(throws: (any Error).self) { try OutboxFilter.parse(["--state", "gone"]) }
        #expect(throws: CommandExit.self) { try OutboxFilter.parse(["--since", "yesterday"]).selection() }
    }
}
