import Postgres
import Records
import TestSupport
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite("Later versions of a record", .timeLimit(.minutes(10)))
struct RevisionTests {
    private static let latest = RevisionRules("CandleStick=latest")!
    private static let closed = RevisionRules("CandleStick=latest:closed,Ticker=latest")!

    private static func candle(_ close: String, closed: Bool? = nil, market: Int32 = 1) -> String {
        let flag = closed.map { #","closed":\#($0)"# } ?? ""
        let time = Messages.epoch * 60_000
        return Messages.body(market: market, start: 0, #""charts":[[\#(time),1,9,0.5,\#(close),10]]\#(flag)"#)
    }

    /// What is stored: its close and its revision; and what was announced, in order.
    private func state(_ connection: PostgresConnection) async throws -> (stored: [String], announced: [String]) {
        (
            try await connection.texts(
                "SELECT concat_ws(' ', market_id, charts[1][5], revision) FROM candle_sticks ORDER BY market_id"),
            try await connection.texts(
                """
                SELECT concat_ws(' ', market_id, body::json #>> '{payload,charts,0,4}', coalesce(revision, 1))
                FROM outbox ORDER BY market_id, id
                """)
        )
    }

    @Test(arguments: [
        "CandleStick", "CandleStick=", "CandleStick=newest", "Candle=latest", "CandleStick=latest:", "",
        "CandleStick=latest:a b", "CandleStick=latest:'", "Trade=first,Trade=latest", "CandleStick=latest=x",
    ])
    func whatIsNoRuleIsRefused(text: String) {
        #expect(RevisionRules(text) == nil)
    }

    @Test func aLaterVersionReplacesTheOneBefore() async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database, rules: Self.latest)
            try await store.store(Messages([Self.candle("2")]))
            let result = try await store.store(Messages([Self.candle("3"), Self.candle("3"), Self.candle("4")]))
            #expect(result.revised[0] == 2 && result.duplicateSame[0] == 1 && result.receivedCount == 3)
            let state = try await state(connection)
            #expect(state.stored == ["1 4 3"])
            #expect(state.announced == ["1 2 1", "1 3 2", "1 4 3"])
            let kept = try await connection.texts(
                "SELECT concat_ws(' ', revision, content #>> '{charts,0,4}') FROM record_revisions ORDER BY revision")
            #expect(kept == ["1 2", "2 3"])
            let ledger = "SELECT concat_ws(' ', received, stored, revised, duplicate) FROM ingest_batches ORDER BY id"
            #expect(try await connection.texts(ledger) == ["1 1 0 0", "3 0 2 1"])
            #expect(try await connection.number("SELECT count(*) FROM conflicting_duplicates") == 0)
        }
    }

    /// A redelivery, or a replica that is late, repeats what was there before.
    @Test func anOlderVersionThatComesAgainChangesNothing() async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database, rules: Self.latest)
            for close in ["2", "3", "4"] { try await store.store(Messages([Self.candle(close)])) }
            let again = Messages(["2", "3", "4", "3.0"].map { Self.candle($0) })
            let result = try await store.store(again)
            #expect(result.revisedCount == 0 && result.duplicateSame[0] == 1 && result.duplicateOther[0] == 3)
            #expect(try await state(connection).stored == ["1 4 3"])
        }
    }

    /// All at once, in one batch and in one after the other.
    @Test(arguments: [false, true]) func whatIsClosedStays(isOneBatch: Bool) async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database, rules: Self.closed)
            let messages = [
                Self.candle("2", closed: false), Self.candle("4", closed: true), Self.candle("2", closed: false),
                Self.candle("3", closed: false), Self.candle("4", closed: true), Self.candle("5"),
            ]
            var result = StoreResult()
            for batch in isOneBatch ? [messages] : messages.map({ [$0] }) {
                result += try await store.store(Messages(batch))
            }
            #expect(result.stored[0] == 1 && result.revised[0] == 1 && result.duplicateCount == 4)
            let state = try await state(connection)
            #expect(state.stored == ["1 4 2"] && state.announced == ["1 2 1", "1 4 2"])
        }
    }

    /// The first one is closed already; then what is not is older, whatever its content.
    @Test func theVersionOfTheFirstOneIsKnown() async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database, rules: Self.closed)
            try await store.store(
                Messages([Self.candle("4", closed: true), Self.candle("2", closed: false, market: 2)]))
            let result = try await store.store(
                Messages([Self.candle("3", closed: false), Self.candle("2", closed: true, market: 2)]))
            #expect(result.duplicateOther[0] == 1 && result.duplicateSame[0] == 1)
            let late = try await store.store(Messages([Self.candle("1", closed: false, market: 2)]))
            #expect(late.duplicateOther[0] == 1)
            #expect(try await state(connection).stored == ["1 4 1", "2 2 1"])
        }
    }

    @Test func otherKindsKeepTheFirst() async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database, rules: Self.closed)
            for fields in [#""high":3.5,"low":null"#, #""high":4,"low":1"#] {
                var messages = Messages()
                messages.add(Messages.body(market: 1, start: 0, fields), kind: 2)
                messages.add(Messages.body(market: 1, start: 0, #""bids":[[\#(fields.count),2]],"asks":[]"#), kind: 1)
                try await store.store(messages)
            }
            #expect(
                try await connection.texts("SELECT concat_ws(' ', high, low, revision) FROM tickers") == ["4 1 2"])
            #expect(try await connection.texts("SELECT record_type FROM conflicting_duplicates") == ["OrderBook"])
            #expect(try await connection.texts("SELECT revision::text FROM order_books") == ["1"])
        }
    }

    /// Two writers with the same versions at once: each is taken once, and the last one announced is the one that is stored.
    @Test func ofSeveralWritersEachVersionIsTakenOnce() async throws {
        try await withMigratedDatabase { database, connection in
            try await withThrowingTaskGroup(of: StoreResult.self) { group in
                for writer in 0..<2 {
                    group.addTask {
                        let store = RecordStore.make(database, writer: "\(writer)", rules: Self.latest)
                        var result = StoreResult()
                        for close in 1...8 {
                            result += try await store.store(
                                Messages((Int32(1)...20).map { Self.candle("\(close)", market: $0) }))
                        }
                        return result
                    }
                }
                let total = try await group.reduce(into: StoreResult()) { $0 += $1 }
                #expect(total.stored[0] == 20 && total.announcedCount + total.duplicateCount == 320)
            }
            let last = try await connection.number(
                """
                SELECT count(*) FROM candle_sticks c JOIN LATERAL (
                    SELECT body::json #>> '{payload,charts,0,4}' AS close, revision FROM outbox o
                    WHERE o.market_id = c.market_id ORDER BY id DESC LIMIT 1) o
                ON o.close = c.charts[1][5]::text AND o.revision = c.revision
                """)
            #expect(last == 20)
            #expect(
                try await connection.number("SELECT sum(revision)::bigint FROM candle_sticks")
                    == connection.number("SELECT count(*) FROM outbox"))
        }
    }

    @Test func aConflictIsAppliedOrDiscarded() async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database)
            for close in ["2", "3", "4"] { try await store.store(Messages([Self.candle(close)])) }
            let acts = ConflictActs(connection: connection, actedBy: "me", why: "because")
            #expect(try await acts.apply([1]) == ConflictActs.Outcome(applied: 1))
            #expect(try await acts.apply([1]) == ConflictActs.Outcome(left: 1))
            #expect(try await acts.discard([1, 2]) == 1)
            let state = try await state(connection)
            #expect(state.stored == ["1 3 2"] && state.announced == ["1 2 1", "1 3 2"])
            let resolved = try await connection.texts(
                "SELECT concat_ws(' ', resolution, resolved_by, why) FROM conflicting_duplicates ORDER BY id")
            #expect(resolved == ["applied postgres (me) because", "discarded postgres (me) because"])
            let sums = "concat_ws(' ', sum(received), sum(stored), sum(revised), sum(duplicate))"
            #expect(try await connection.texts("SELECT \(sums) FROM ingest_batches") == ["3 1 1 1"])
        }
    }
}
