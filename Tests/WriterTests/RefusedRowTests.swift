import Postgres
import Records
import TestSupport
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite("Messages that can't be records", .timeLimit(.minutes(10)))
struct RefusedRowTests {
    /// Rows that only the database refuses, among others of all sorts; each is found, wherever it stands.
    @Test(arguments: [[0], [17], [49], [0, 1, 2], [10, 11, 30, 49]])
    func aRowThatOnlyTheDatabaseRefusesIsFound(bad: Set<Int>) async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.script(
                "ALTER TABLE candle_sticks ADD CONSTRAINT no_666 CHECK ((charts[1][5] <> 666) IS NOT FALSE)")
            var messages = Messages()
            for number in 0..<50 {
                messages.add(
                    Messages.candle(
                        market: Int32(number % 9 + 1), start: Int64(number), close: bad.contains(number) ? "666" : "2"))
            }
            messages.add("nonsense")
            messages.add(Messages.ofEachKind()[2], kind: 2)
            let result = try await RecordStore.make(database).store(messages)
            #expect(result.stored[0] == 50 - bad.count && result.stored[2] == 1)
            #expect(result.quarantined == [.refusedByDatabase: bad.count, .notJSON: 1])
            #expect(result.receivedCount == 52)
            #expect(try await connection.number("SELECT count(*) FROM outbox") == Int64(51 - bad.count))
            #expect(try await connection.number("SELECT sum(received) FROM ingest_batches") == 52)
            let refused = try await connection.execute(
                """
                SELECT convert_from(body, 'UTF8') LIKE '%,666,10]]%', detail, queue, market_id IS NOT NULL
                FROM quarantine WHERE reason = 'refused_by_database'
                """)
            #expect((0..<refused.count).allSatisfy { refused.bool($0, 0) && refused.bool($0, 3) })
            #expect(refused.count == bad.count && refused.text(0, 1).hasPrefix("23514: "))
            #expect(refused.text(0, 2) == "database-writer.candle-stick")
        }
    }

    /// Splitting must not let a later message of a market pass an earlier one.
    @Test func splittingKeepsTheOrderOfArrival() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.script("ALTER TABLE candle_sticks ADD CHECK ((charts[1][5] <> 666) IS NOT FALSE)")
            let bodies = (0..<40).map { Messages.candle(market: 1, start: 100 - $0, close: $0 == 21 ? "666" : "2") }
            try await RecordStore.make(database).store(Messages(bodies))
            let starts = try await connection.execute(
                "SELECT extract(epoch FROM interval_start)::int FROM outbox ORDER BY id")
            let expected = (0..<40).filter { $0 != 21 }.map { Int32(Messages.epoch + 100 - Int64($0)) * 60 }
            #expect((0..<starts.count).map { starts.int4($0, 0) } == expected)
        }
    }

    /// The first of two with the same key is refused: then the second one is the first.
    @Test func aRepeatTakesThePlaceOfARefusedRecord() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.script("ALTER TABLE candle_sticks ADD CHECK (charts[1][5] <> 666)")
            let result = try await RecordStore.make(database).store(
                Messages([Messages.candle(close: "666"), Messages.candle(close: "2")]))
            #expect(result.stored[0] == 1 && result.quarantined == [.refusedByDatabase: 1])
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 1)
        }
    }

    @Test func aMarketThatNobodyKnowsIsRefused() async throws {
        try await withMigratedDatabase { database, connection in
            let result = try await RecordStore.make(database).store(
                Messages([Messages.candle(market: 41), Messages.candle(market: 40)]))
            #expect(result.stored[0] == 1 && result.quarantined == [.unknownMarket: 1])
            let row = try await connection.execute("SELECT reason, detail, market_id, body FROM quarantine")
            #expect(row.text(0, 0) == "unknown_market" && row.int4(0, 2) == 41)
            #expect(row.text(0, 1) == "payload.marketId: no market has the id 41")
            #expect(row.bytes(0, 3).elementsEqual(Messages.candle(market: 41).utf8))
        }
    }

    @Test func theBytesAndHeadersAreKept() async throws {
        try await withMigratedDatabase { database, connection in
            var messages = Messages()
            let bytes: [UInt8] = [0, 255, 0x7B, 0x22, 0xC3, 0x28]
            messages.add(
                bytes, kind: 3, headers: [("a", "1\"\0"), ("a", "2")])
            messages.add([UInt8](), kind: 4)
            try await RecordStore.make(database).store(messages)
            let rows = try await connection.execute(
                "SELECT queue, body, headers ->> 'a', headers IS NULL, market_id IS NULL FROM quarantine ORDER BY id")
            #expect(rows.text(0, 0) == "database-writer.trade" && rows.text(1, 0) == "database-writer.exchange-rate")
            #expect(Array(rows.bytes(0, 1)) == bytes && rows.bytes(1, 1).isEmpty)
            #expect(rows.text(0, 2) == "1\"\u{FFFD}")
            #expect(rows.bool(1, 3) && rows.bool(0, 4))
        }
    }

    /// What can't be stored must always fit into quarantine, or the queue would stand still.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func everySequenceOfBytesFindsAPlace(seed: UInt64) async throws {
        try await withMigratedDatabase { database, connection in
            var random = SeededGenerator(state: seed)
            var messages = Messages()
            for number in 0..<400 {
                let kind = number % 5
                var bytes = Array(Messages.ofEachKind(start: Int64(number))[kind].utf8)
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = bytes.indices.randomElement(using: &random)!
                    bytes[place] = [0, 1, 0x22, 0x5C, 0x7F, 0xC3, 0xED, 0xFF, 0x30, 0x7B].randomElement(using: &random)!
                }
                if number % 7 == 0 { bytes.replace([0x62, 0x69], with: Array(#"\u0000\ud800"#.utf8)) }
                messages.add(bytes, kind: kind)
            }
            let result = try await RecordStore.make(database).store(messages)
            #expect(result.receivedCount == 400 && result.quarantinedCount > 100)
            #expect(try await connection.number("SELECT count(*) FROM quarantine") == Int64(result.quarantinedCount))
            #expect(try await connection.number("SELECT count(*) FROM outbox") == Int64(result.storedCount))
        }
    }

    @Test func aTraceIDThatNoTextHoldsIsNoReasonToLoseARecord() async throws {
        try await withMigratedDatabase { database, connection in
            let result = try await RecordStore.make(database).store(
                Messages([Messages.candle(trace: #"a\u0000b"#), Messages.candle(market: 2, trace: #"\ud800"#)]))
            #expect(result.storedCount + result.quarantinedCount == 2)
            #expect(try await connection.number("SELECT count(*) FROM outbox") == Int64(result.storedCount))
        }
    }
}

/// Random numbers that a seed repeats (Steele, Lea, Flood: SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
