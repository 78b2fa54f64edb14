import AMQP
import Postgres
import Records
import TestSupport
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

/// Back in again from quarantine.
@Suite(.timeLimit(.minutes(10))) struct RetryTests {
    private func importMarket(_ id: Int32, _ world: QuarantineWorld) async throws {
        let market = MarketEntry(id: id, externalMarketId: "N", symbol: "N/USDT", base: nil, quote: nil, active: nil)
        let exchange = ExchangeEntry(id: 1, externalExchangeId: "binance", name: "Binance", markets: [market])
        _ = try await MarketsImport([exchange]).run(world.connection)
    }

    @Test func aMessageIsStoredAndAnnouncedWhenItsMarketHasCome() async throws {
        try await QuarantineWorld.with { world in
            var batch = DeliveryBatch()
            batch.add(
                emptyCandle(market: 500, extra: #", "x":1e2"#, trace: #""t""#),
                headers: [Header(name: "traceparent", value: "00-0af7-b7ad-01")])
            batch.add(emptyCandle(market: 501))
            #expect(try await world.store(batch).quarantined == [.unknownMarket: 2])
            #expect(try await world.retry() == .init(refused: 2))
            #expect(try await world.number("SELECT count(*) FROM outbox") == 0)

            try await importMarket(500, world)
            #expect(try await world.retry() == .init(stored: 1, refused: 1))
            let row = try await world.connection.execute("SELECT body, traceparent, trace_id FROM outbox")
            #expect(row.count == 1 && row.text(0, 1) == "00-0af7-b7ad-01" && row.text(0, 2) == "t")
            #expect(
                row.text(0, 0)
                    == #"{"exchange":"binance","symbol":"A/B","payload":{"charts":[],"intervalStart":1702303200000,"#
                    + #""intervalEnd":1702303200001,"#
                    + #""marketId":500, "x":1e2},"type":"CandleStick","collectorTraceId":"t"}"#)
            #expect(try await world.text("SELECT resolution FROM quarantine WHERE resolved_at IS NOT NULL") == "stored")
            // Nothing comes back twice.
            #expect(try await world.retry() == .init(refused: 1))
            #expect(try await world.number("SELECT count(*) FROM quarantine_acts") == 5)
            #expect(
                try await world.text("SELECT acted_by || ' ' || why FROM quarantine_acts LIMIT 1")
                    == "postgres (somebody) because"
            )
            #expect(try await world.booksBalance())
        }
    }

    @Test func whatWasStoredMeanwhileIsADuplicate() async throws {
        try await QuarantineWorld.with { world in
            var batch = DeliveryBatch()
            batch.add(emptyCandle(market: 500))
            try await world.store(batch)
            try await importMarket(500, world)
            try await QuarantineWorld.store(for: world.database) { store in
                let again = QuarantineWorld(database: world.database, connection: world.connection, store: store)
                let result = try await again.store(batch)
                #expect(result.storedCount == 1)
            }
            #expect(try await world.retry() == .init(duplicate: 1))
            #expect(try await world.text("SELECT resolution FROM quarantine") == "duplicate")
            #expect(try await world.booksBalance())
        }
    }

    @Test func aRowThatTheDatabaseRefusesDoesNotKeepTheOthers() async throws {
        try await QuarantineWorld.with { world in
            var batch = DeliveryBatch()
            for start in 0..<5 { batch.add(emptyCandle(market: 500, start: start)) }
            try await world.store(batch)
            try await importMarket(500, world)
            try await world.connection.script(
                "ALTER TABLE candle_sticks ADD CHECK (interval_start <> '2023-12-11 14:00:00.003Z')")
            #expect(try await world.retry() == .init(stored: 4, refused: 1))
            #expect(
                try await world.text("SELECT reason FROM quarantine WHERE resolved_at IS NULL") == "refused_by_database"
            )
            #expect(try await world.booksBalance())
        }
    }

    @Test func whatWasTooLargeIsTakenUnderAHigherLimit() async throws {
        try await QuarantineWorld.with { world in
            var batch = DeliveryBatch()
            batch.add(emptyCandle(market: 1, extra: #","x":"\#(String(repeating: "x", count: 3000))""#))
            let result = try await world.store(batch, limit: 2000)
            #expect(result.quarantined == [.tooLarge: 1])
            let outcomes = [try await world.retry(limit: 2000), try await world.retry(limit: 4000)]
            #expect(outcomes == [.init(refused: 1), .init(stored: 1)])
            #expect(try await world.booksBalance())
        }
    }

    /// Together they are more than is tried in one transaction.
    @Test func manyLargeMessagesGoInParts() async throws {
        try await QuarantineWorld.with { world in
            var batch = DeliveryBatch()
            for start in 0..<7 { batch.add(emptyCandle(market: 500, start: start)) }
            try await world.store(batch)
            try await importMarket(500, world)
            let twoBodies = 2 * emptyCandle(market: 500).count
            #expect(try await world.retry(partBytes: twoBodies + 20) == .init(stored: 7))
            let transactions = "SELECT count(DISTINCT xmin::text) FROM candle_sticks"
            #expect(try await world.number(transactions) == 4)  // two and two and two and one
            #expect(try await world.booksBalance())
        }
    }
}
