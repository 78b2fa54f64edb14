import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Holding the promises when old rows were dropped", .timeLimit(.minutes(10)))
struct VerificationAfterPruningTests {
    @Test func theyHold() async throws {
        try await withPrunedDatabase { connection in
            let verification = try await Verification.run(connection)
            #expect(verification.broken == [])
            let totals = verification.totals
            #expect(totals.outbox == 4 && totals.pruned == 10)
            #expect([totals.published, totals.pending, totals.parked, totals.superseded] == [12, 1, 0, 1])
            #expect(VerificationText.lines(verification).contains("         10 of these are old and were dropped"))
        }
    }

    private static let stored = "records stored"
    private static let states = "outbox rows ="
    private static let quarantined = "messages quarantined"
    private static let chain = "holes or overlaps"
    private static let kinds = ["candle_sticks", "order_books", "tickers", "trades", "exchange_rates"]
    private static let counts = "ledger entries whose rows"

    @Test(arguments: [
        VerificationTests.Damage(sql: "DELETE FROM outbox_pruned", breaks: [stored, chain] + kinds),
        VerificationTests.Damage(sql: "UPDATE outbox_pruned SET rows = rows - 1", breaks: [stored]),
        VerificationTests.Damage(
            sql: "UPDATE outbox_pruned SET newest = newest - interval '1 hour'", breaks: kinds),
        VerificationTests.Damage(sql: "DELETE FROM ingest_pruned", breaks: [stored, quarantined]),
        VerificationTests.Damage(
            sql: "DELETE FROM candle_sticks WHERE created_at < now() - interval '30 days 12 hours'",
            breaks: ["candle_sticks"]),
        VerificationTests.Damage(
            sql: "DELETE FROM candle_sticks WHERE created_at > now() - interval '1 hour'", breaks: ["candle_sticks"]),
        VerificationTests.Damage(
            sql: "DELETE FROM outbox WHERE id = 5000004", breaks: [stored, "candle_sticks"]),
        VerificationTests.Damage(
            sql: """
                INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body, created_at)
                SELECT 0, record_type, market_id, interval_start, interval_end, body, created_at FROM outbox WHERE id = 5000001
                """, breaks: [stored, "records with two"]),
        VerificationTests.Damage(
            sql: "DELETE FROM outbox_deliveries WHERE lane = 0 AND after_id = 5", breaks: [states, chain]),
        VerificationTests.Damage(
            sql: "UPDATE outbox_deliveries SET rows = 1 WHERE lane = 1", breaks: [states, counts]),
    ])
    func eachDamageIsSeen(damage: VerificationTests.Damage) async throws {
        try await withPrunedDatabase { connection in
            try await connection.script(damage.sql)
            let broken = try await Verification.run(connection).broken.map(\.name)
            #expect(broken.count == damage.breaks.count, "\(broken)")
            for name in damage.breaks {
                #expect(broken.contains { $0.hasPrefix(name) }, "\(name) holds; broken: \(broken)")
            }
        }
    }

    /// Old records need no row; one that is newer than what was dropped does.
    @Test func onlyRecordsThatAreNewerNeedARow() async throws {
        try await withPrunedDatabase { connection in
            try await connection.script(
                "INSERT INTO trades VALUES (13, 'epoch', 'epoch'::timestamptz + interval '9 minutes', '{}', now() - interval '40 days')"
            )
            #expect(try await Verification.run(connection).broken == [])
            try await connection.script(
                "UPDATE trades SET created_at = now() WHERE interval_end > 'epoch'::timestamptz + interval '8 minutes'")
            let broken = try await Verification.run(connection).broken
            #expect(
                broken.first?.examples == [
                    "trades market 13 1970-01-01T00:00:00Z/1970-01-01T00:09:00Z has no outbox row"
                ])
        }
    }
}
