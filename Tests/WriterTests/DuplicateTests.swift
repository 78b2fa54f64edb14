import Postgres
import Records
import TestSupport
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite("Records that were stored before", .timeLimit(.minutes(10)))
struct DuplicateTests {
    private func conflicts(_ connection: PostgresConnection) async throws -> [String] {
        try await connection.texts(
            "SELECT concat_ws(' ', record_type, market_id, trace_id, payload) FROM conflicting_duplicates ORDER BY id")
    }

    @Test func theSameContentStoresNothing() async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database)
            var messages = Messages()
            for kind in RecordKind.all.indices { messages.add(Messages.ofEachKind()[kind], kind: kind) }
            try await store.store(messages)
            let result = try await store.store(messages)
            #expect(
                result.duplicateSame == [1, 1, 1, 1, 1] && result.storedCount == 0 && result.duplicateOtherCount == 0)
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 5)
            #expect(try await conflicts(connection).isEmpty)
        }
    }

    @Test(arguments: [("2.0", true), ("2e0", true), ("20e-1", true), ("2.5", false), ("null", false)])
    func contentIsComparedByValue(close: String, isSame: Bool) async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database)
            try await store.store(Messages([Messages.candle(close: "2")]))
            let result = try await store.store(Messages([Messages.candle(close: close, trace: "later")]))
            #expect(result.duplicateSame[0] == (isSame ? 1 : 0) && result.duplicateOther[0] == (isSame ? 0 : 1))
            let kept = try await conflicts(connection)
            #expect(kept.count == (isSame ? 0 : 1))
            #expect(kept.allSatisfy { $0.hasPrefix("CandleStick 1 later {") && $0.contains(",\(close),10]]") })
        }
    }

    @Test(arguments: [
        (1, #""bids":[[1.5,2],[1,3]],"asks":[[9,9]]"#), (2, #""high":3.5,"low":1"#), (2, #""high":null,"low":null"#),
        (3, #""tradesInfo":[[0,1.5,2,1702303201000]]"#),
        (4, #""poolASize":"1","poolBSize":2.50,"exchangeRate":"0.11""#),
    ])
    func otherContentOfEveryKindIsKept(kind: Int, fields: String) async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database)
            var first = Messages()
            first.add(Messages.ofEachKind()[kind], kind: kind)
            try await store.store(first)
            var second = Messages()
            second.add(Messages.body(market: 1, start: 0, fields), kind: kind)
            let result = try await store.store(second)
            #expect(result.duplicateOther[kind] == 1 && result.receivedCount == 1)
            #expect(try await conflicts(connection).count == 1)
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 1)
        }
    }

    @Test func ofABatchTheFirstIsStoredAndTheOthersAreComparedWithIt() async throws {
        try await withMigratedDatabase { database, connection in
            let result = try await RecordStore.make(database).store(
                Messages([
                    Messages.candle(close: "2", trace: "a"), Messages.candle(close: "2.00", trace: "b"),
                    Messages.candle(close: "3", trace: "c"), Messages.candle(market: 2),
                ]))
            #expect(result.stored[0] == 2 && result.duplicateSame[0] == 1 && result.duplicateOther[0] == 1)
            #expect(try await connection.texts("SELECT trace_id FROM outbox WHERE market_id = 1") == ["a"])
            #expect(try await conflicts(connection).map { $0.prefix(15) } == ["CandleStick 1 c"])
            #expect(
                try await connection.texts("SELECT charts[1][5]::text FROM candle_sticks WHERE market_id = 1") == ["2"])
        }
    }

    @Test func ragNullsAndNothingAreTheSameContent() async throws {
        try await withMigratedDatabase { database, _ in
            let store = RecordStore.make(database)
            let row = "[1702303200000,1,4,0.5,2,10]"
            try await store.store(
                Messages([Messages.body(market: 1, start: 0, #""charts":[\#(row),[1702303200001,1,1,1,1,1,9]]"#)]))
            let filled = Messages.body(
                market: 1, start: 0, #""charts":[[1702303200000,1,4,0.5,2,10,null],[1702303200001,1,1,1,1,1,9]]"#)
            #expect(try await store.store(Messages([filled])).duplicateSame[0] == 1)
            let longer = Messages.body(
                market: 1, start: 0, #""charts":[\#(row),[1702303200001,1,1,1,1,1,9],[1702303200002,1,1,1,1,1]]"#)
            #expect(try await store.store(Messages([longer])).duplicateOther[0] == 1)
        }
    }
}
