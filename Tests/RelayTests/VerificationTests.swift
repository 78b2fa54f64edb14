import Postgres
import TestSupport
import Testing

@testable import Relay

@Suite("Holding the promises against the database", .timeLimit(.minutes(3)))
struct VerificationTests {
    @Test func anEmptyDatabaseKeepsThem() async throws {
        try await withMigratedDatabase { _, connection in
            let checks = try await Verification.run(connection)
            #expect(checks.filter { !$0.holds } == [])
        }
    }

    @Test func aGoodDatabaseKeepsThem() async throws {
        try await withGoodDatabase { _, connection in
            let checks = try await Verification.run(connection)
            #expect(checks.filter { !$0.holds } == [])
            #expect(checks.count == 12)
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
                "ALTER TABLE ingest_batches DROP CONSTRAINT ingest_batches_check1; UPDATE ingest_batches SET received = 9",
            breaks: [received]),
        Damage(
            sql: "UPDATE ingest_batches SET stored = stored - 1, received = received - 1 WHERE id = 1", breaks: [stored]
        ),
        Damage(
            sql: "UPDATE ingest_batches SET quarantined = 0, received = received - quarantined", breaks: [quarantined]),
        Damage(sql: "DELETE FROM quarantine", breaks: [quarantined]),
        Damage(sql: "DELETE FROM outbox WHERE id = 1", breaks: [stored, states, "candle_sticks", counts]),
        Damage(sql: "DELETE FROM outbox WHERE id = 10", breaks: [stored, "exchange_rates"]),
        Damage(sql: "DELETE FROM candle_sticks WHERE market_id = 1", breaks: ["candle_sticks"]),
        Damage(sql: "DELETE FROM order_books WHERE market_id = 1", breaks: ["order_books"]),
        Damage(sql: "DELETE FROM tickers WHERE market_id = 2", breaks: ["tickers"]),
        Damage(sql: "DELETE FROM trades WHERE market_id = 2", breaks: ["trades"]),
        Damage(sql: "DELETE FROM exchange_rates WHERE market_id = 1", breaks: ["exchange_rates"]),
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
    ]

    @Test(arguments: damages)
    func eachDamageIsSeen(damage: Damage) async throws {
        try await withGoodDatabase { _, connection in
            try await connection.script(damage.sql)
            let broken = try await Verification.run(connection).filter { !$0.holds }.map(\.name)
            #expect(broken.count == damage.breaks.count, "\(broken)")
            for name in damage.breaks {
                #expect(broken.contains { $0.hasPrefix(name) }, "\(name) holds; broken: \(broken)")
            }
        }
    }
}
