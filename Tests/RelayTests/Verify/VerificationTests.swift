import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Holding the promises against the database", .timeLimit(.minutes(10)))
struct VerificationTests {
    @Test func anEmptyDatabaseKeepsThem() async throws {
        try await withMigratedDatabase { _, connection in
            let checks = try await Verification.run(connection).checks
            #expect(checks.filter { !$0.holds } == [])
        }
    }

    @Test func aGoodDatabaseKeepsThem() async throws {
        try await withGoodDatabase { _, connection in
            let checks = try await Verification.run(connection).checks
            #expect(checks.filter { !$0.holds } == [])
            #expect(checks.count == 13)
            #expect(checks[0].found == 12 && checks[1].found == 10 && checks[3].found == 1)
            // The transaction is over.
            try await connection.script("DELETE FROM quarantine")
        }
    }

    /// Something that must not happen, and the checks that it breaks, by the start of their names; no others.
    struct Damage: Sendable, CustomTestStringConvertible {
        let sql: String
        let breaks: [String]

        var testDescription: String { String(sql.prefix { $0 != "\n" }) }
    }

    private static let received = "messages received"
    private static let stored = "records stored"
    private static let states = "outbox rows ="
    private static let quarantined = "messages quarantined"
    private static let chain = "holes or overlaps"
    private static let counts = "ledger entries whose rows"

    private static let damages = [
        Damage(
            sql:
                "ALTER TABLE ingest_batches DROP CONSTRAINT ingest_batches_sum; UPDATE ingest_batches SET received = 9",
            breaks: [received]),
        Damage(
            sql: "UPDATE ingest_batches SET stored = stored - 1, received = received - 1 WHERE id = 1", breaks: [stored]
        ),
        Damage(
            sql: "UPDATE ingest_batches SET quarantined = 0, received = received - quarantined", breaks: [quarantined]),
        Damage(
            sql: "ALTER TABLE quarantine DISABLE TRIGGER USER; DELETE FROM quarantine", breaks: [quarantined]),
        Damage(sql: "DELETE FROM outbox WHERE id = 1", breaks: [stored, states, "candle_sticks", counts]),
        Damage(sql: "DELETE FROM outbox WHERE id = 10", breaks: [stored, "exchange_rates"]),
        Damage(sql: "DELETE FROM candle_sticks WHERE market_id = 13", breaks: ["candle_sticks"]),
        Damage(sql: "DELETE FROM order_books WHERE market_id = 13", breaks: ["order_books"]),
        Damage(sql: "DELETE FROM tickers WHERE market_id = 5", breaks: ["tickers"]),
        Damage(sql: "DELETE FROM trades WHERE market_id = 5", breaks: ["trades"]),
        Damage(sql: "DELETE FROM exchange_rates WHERE market_id = 13", breaks: ["exchange_rates"]),
        Damage(
            sql: "UPDATE outbox SET record_type = 'OrderBook' WHERE id = 6",
            breaks: ["candle_sticks", "records with two"]),
        Damage(
            sql: """
                INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
                SELECT lane, record_type, market_id, interval_start, interval_end, body FROM outbox WHERE id = 6
                """, breaks: [stored, "records with two"]),
        Damage(sql: "DELETE FROM outbox_deliveries WHERE lane = 0 AND after_id = 0", breaks: [states, chain]),
        Damage(
            sql: "UPDATE outbox_deliveries SET after_id = 1, rows = 4 WHERE lane = 0 AND after_id = 2",
            breaks: [states, chain]),
        Damage(sql: "UPDATE outbox_deliveries SET rows = 2 WHERE lane = 0 AND after_id = 2", breaks: [states, counts]),
        Damage(
            sql: "INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (77, 0, 'parked')", breaks: [states]),
        Damage(sql: "UPDATE outbox_exceptions SET outbox_id = 0 WHERE state = 'parked'", breaks: [states]),
        Damage(sql: "UPDATE outbox_exceptions SET lane = 1 WHERE state = 'parked'", breaks: [states]),
        Damage(sql: "UPDATE outbox SET lane = 2 WHERE id = 10", breaks: ["outbox rows in another lane"]),
        Damage(
            sql: "INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay) VALUES (2, 7, 9, 0, 'r')",
            breaks: [chain]),
    ]

    @Test(arguments: damages)
    func eachDamageIsSeen(damage: Damage) async throws {
        try await withGoodDatabase { _, connection in
            try await connection.script(damage.sql)
            let broken = try await Verification.run(connection).broken.map(\.name)
            #expect(broken.count == damage.breaks.count, "\(broken)")
            for name in damage.breaks {
                #expect(broken.contains { $0.hasPrefix(name) }, "\(name) holds; broken: \(broken)")
            }
        }
    }

    @Test func anExceptionThatWasPublishedAfterAllCountsAsPublished() async throws {
        try await withGoodDatabase { _, connection in
            let before = try await Verification.run(connection).totals
            #expect([before.published, before.pending, before.parked, before.superseded] == [4, 4, 1, 1])
            try await connection.script("UPDATE outbox_exceptions SET published_at = now()")
            let after = try await Verification.run(connection)
            #expect(after.broken == [])
            let totals = after.totals
            #expect([totals.published, totals.pending, totals.parked, totals.superseded] == [6, 4, 0, 0])
        }
    }

    @Test func aSupersededRowBeyondTheChainIsNotPending() async throws {
        try await withGoodDatabase { _, connection in
            try await connection.script(
                "INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (9, 1, 'superseded')")
            let verification = try await Verification.run(connection)
            #expect(verification.broken == [])
            #expect(verification.totals.pending == 3 && verification.totals.superseded == 2)
        }
    }

    /// What is found has a name that an operator can look for.
    @Test(arguments: [
        (
            "DELETE FROM outbox WHERE id = 6",
            "candle_sticks market 5 1970-01-01T00:00:00Z/1970-01-01T00:01:00Z has no outbox row"
        ),
        (
            "DELETE FROM trades WHERE market_id = 5",
            "outbox row 9 has no record trades market 5 1970-01-01T00:00:00Z/1970-01-01T00:01:00Z"
        ),
        (
            """
            INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
            SELECT lane, record_type, market_id, interval_start, interval_end, body FROM outbox WHERE id = 6
            """,
            "CandleStick market 5 1970-01-01T00:00:00Z/1970-01-01T00:01:00Z has 2 outbox rows, the first is 6, the last 11"
        ),
        ("UPDATE outbox SET lane = 2 WHERE id = 10", "outbox row 10 of market 5 is in lane 2, not in 1"),
        ("UPDATE outbox_deliveries SET after_id = 3, rows = 2 WHERE after_id = 2", "lane 0: hole after 2"),
        ("UPDATE outbox_deliveries SET after_id = 1, rows = 4 WHERE after_id = 2", "lane 0: overlap after 1"),
        ("DELETE FROM outbox_deliveries WHERE lane = 0 AND after_id = 0", "lane 0: the first entry starts after 2"),
        (
            "UPDATE outbox_deliveries SET rows = 2 WHERE lane = 0 AND after_id = 2",
            "lane 0: the entry after 2 up to 5 says 2 rows, the log has 3"
        ),
        (
            "UPDATE outbox_exceptions SET outbox_id = 77 WHERE state = 'parked'",
            "lane 0: row 77, which is parked, is not in the log"
        ),
    ])
    func whatBreaksAPromiseIsNamed(sql: String, example: String) async throws {
        try await withGoodDatabase { _, connection in
            try await connection.script(sql)
            let verification = try await Verification.run(connection)
            let examples = verification.broken.flatMap(\.examples)
            #expect(examples.contains(example), "\(examples)")
            #expect(VerificationText.lines(verification).contains("  \(example)"))
        }
    }

    @Test func noMoreThanTenAreNamedAndAllAreCounted() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.log(count: 50)
            let checks = try await Verification.run(connection).checks
            let pairs = try #require(checks.first { $0.name.hasPrefix("candle_sticks") })
            #expect(pairs.found == 50 && pairs.examples.count == 10)
        }
    }
}
