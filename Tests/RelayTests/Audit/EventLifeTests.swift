import ArgumentParser
import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("The life of an event", .timeLimit(.minutes(10)))
struct EventLifeTests {
    private func life(_ id: Int64, _ connection: PostgresConnection) async throws -> EventLife? {
        try await EventLife.read(id, try OutboxFilter.parse([]), connection)
    }

    @Test func fromTheMessageToTheReplays() async throws {
        try await withGoodDatabase { _, connection in
            try await connection.script(
                """
                UPDATE outbox SET created_at = '2026-01-01 12:00:00.123Z', trace_id = 'trace', body = 'ü' WHERE id = 1;
                UPDATE ingest_batches SET committed_at = '2026-01-01 12:00:00.123Z', received_at = '2026-01-01 12:00:00.1Z' WHERE id = 1;
                UPDATE outbox_deliveries SET published_at = '2026-01-01 12:00:00.2Z', confirmed_at = '2026-01-01 12:00:00.3Z';
                INSERT INTO outbox_acts (act, selection, rows, acted_by, why) VALUES
                    ('replayed', '', 1, 'ann', 'gateway lost it'), ('replayed', '', 1, 'bob', NULL);
                INSERT INTO outbox_replays VALUES (1, 2, '2026-01-03'), (1, 1, '2026-01-02'), (2, 1, '2026-01-02')
                """)
            let life = try #require(try await life(1, connection))
            #expect(life.event.id == 1 && life.event.kind == "CandleStick" && life.event.market == 13)
            #expect(life.event.symbol == "M13/USDT" && life.event.exchange == "binance" && life.event.trace == "trace")
            #expect(life.event.bodyBytes == 2 && life.event.lane == 0)
            #expect(life.state == "published" && life.attempts == 1 && life.lastError == nil)
            typealias Step = EventLife.Step
            #expect(
                life.steps == [
                    Step(name: "received", time: "2026-01-01T12:00:00.100Z", note: "by writer w"),
                    Step(name: "stored", time: "2026-01-01T12:00:00.123Z", note: "begin of the transaction"),
                    Step(name: "committed", time: nil),
                    Step(name: "published", time: "2026-01-01T12:00:00.200Z", note: "by relay r"),
                    Step(name: "confirmed", time: "2026-01-01T12:00:00.300Z"),
                    Step(
                        name: "replayed", time: "2026-01-02T00:00:00.000Z",
                        note: "by postgres (ann), because gateway lost it"),
                    Step(name: "replayed", time: "2026-01-03T00:00:00.000Z", note: "by postgres (bob)"),
                ])
        }
    }

    @Test func aPendingRowHasNotBeenPublished() async throws {
        try await withGoodDatabase { _, connection in
            try await connection.script("UPDATE outbox_deliveries SET published_at = now()")
            let life = try #require(try await life(7, connection))
            #expect(life.state == "pending" && life.attempts == 0)
            #expect(life.steps.filter { $0.time != nil }.map(\.name) == ["stored"])
        }
    }

    @Test func anExceptionSaysWhyAndWhen() async throws {
        try await withGoodDatabase { _, connection in
            try await connection.script(
                """
                UPDATE outbox_exceptions SET last_error = 'unroutable', attempts = 3, recorded_at = '2026-01-01';
                UPDATE outbox_deliveries SET published_at = now()
                """)
            let parked = try #require(try await life(4, connection))
            #expect(parked.state == "parked" && parked.attempts == 3 && parked.lastError == "unroutable")
            #expect(parked.steps.last == EventLife.Step(name: "parked", time: "2026-01-01T00:00:00.000Z"))
            // It was not published with the others of its entry.
            #expect(parked.steps.allSatisfy { ($0.name != "published" && $0.name != "confirmed") || $0.time == nil })
            try await connection.script("UPDATE outbox_exceptions SET published_at = '2026-01-05', relay = 'r2'")
            let published = try #require(try await life(4, connection))
            #expect(published.state == "published")
            #expect(published.steps.contains(EventLife.Step(name: "confirmed", time: "2026-01-05T00:00:00.000Z")))
        }
    }

    @Test func aRowThatIsNotThereWasDroppedOrNever() async throws {
        try await withPrunedDatabase { connection in
            #expect(try await life(3, connection) == nil)
            let dropped = try await EventLife.whyMissing(3, connection)
            #expect(dropped.contains("was dropped at 2") && dropped.hasSuffix("by postgres (tests)"))
            #expect(try await EventLife.whyMissing(77_000_000, connection) == "the outbox has no row 77000000")
        }
    }

    @Test func theTextHasALineForEachThing() {
        var life = EventLife()
        life.event = EventLife.Event(
            id: 12, kind: "Trade", market: 69, symbol: "BTC/USDT", exchange: "binance", intervalStart: "a",
            intervalEnd: "b", trace: "9f8a\u{1B}[2J", lane: 3, bodyBytes: 231)
        (life.state, life.attempts, life.lastError) = ("parked", 1, "unroutable\nnot")
        life.steps = [
            EventLife.Step(name: "received", time: nil, note: "by writer w"),
            EventLife.Step(name: "stored", time: "2026-01-01T12:00:00.123Z"),
        ]
        #expect(
            life.lines == [
                "event       12",
                "what        Trade of market 69, BTC/USDT on binance",
                "interval    a to b",
                "trace id    9f8a\\u{1b}[2J",
                "lane        3",
                "body        231 bytes",
                "state       parked, 1 attempt",
                "last error  unroutable\\u{a}not",
                "",
                "received    -                         by writer w",
                "stored      2026-01-01T12:00:00.123Z",
            ])
    }

    @Test func aMarketThatIsNotKnownIsStillShown() {
        var life = EventLife()
        life.event.market = 7
        #expect(life.lines[1] == "what         of market 7, which is not known")
        life.event.symbol = "X/Y"
        #expect(life.lines[1] == "what         of market 7, X/Y")
    }
}
