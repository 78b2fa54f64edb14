import Postgres
import Records
import TestSupport
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite("A batch in one transaction", .timeLimit(.minutes(10)))
struct StoreTests {
    @Test func newRecordsAreStoredAndAnnounced() async throws {
        try await withMigratedDatabase { database, connection in
            let messages = Messages((0..<5).map { Messages.candle(market: 3, start: $0, trace: "t\($0)") })
            let result = try await RecordStore.make(database).store(messages)
            #expect(result.stored == [5, 0, 0, 0, 0] && result.receivedCount == 5)
            #expect(try await connection.number("SELECT count(*) FROM candle_sticks WHERE market_id = 3") == 5)
            let lane = Lane.of(market: 3)
            let rows = try await connection.texts(
                """
                SELECT concat_ws(' ', lane, record_type, market_id, extract(epoch FROM interval_start)::int,
                                 extract(epoch FROM interval_end)::int, trace_id)
                FROM outbox ORDER BY id
                """)
            #expect(
                rows
                    == (Int64(0)..<5).map {
                        "\(lane) CandleStick 3 \((Messages.epoch + $0) * 60) \((Messages.epoch + $0) * 60 + 60) t\($0)"
                    })
        }
    }

    @Test func theBodyThatLeavesHasThePayloadToTheByte() async throws {
        try await withMigratedDatabase { database, connection in
            let payload =
                #"{ "charts": [ ],"intervalStart":1702305540000, "intervalEnd" :1702305600000,"marketId":1, "new":"ä\u00e4\/" }"#
            var messages = Messages()
            messages.add(
                #"{"symbol":"A\/B","exchange":"b","payload":\#(payload),"collectorTraceId":"a\"b","else":1}"#,
                headers: [("traceparent", "00-ab")])
            try await RecordStore.make(database).store(messages)
            let row = try await connection.execute("SELECT body, trace_id, traceparent FROM outbox")
            #expect(
                row.text(0, 0)
                    == #"{"exchange":"b","symbol":"A\/B","payload":\#(payload),"type":"CandleStick","collectorTraceId":"a\"b"}"#
            )
            #expect(row.text(0, 1) == "a\"b" && row.text(0, 2) == "00-ab")
        }
    }

    @Test func allKindsGoIntoOneTransaction() async throws {
        try await withMigratedDatabase { database, connection in
            var messages = Messages()
            for kind in RecordKind.all.indices.reversed() {
                messages.add(Messages.ofEachKind()[kind], kind: kind)
                messages.add(Messages.ofEachKind(market: 2)[kind], kind: kind)
            }
            messages.add("nonsense", kind: 3)
            let result = try await RecordStore.make(database).store(messages)
            #expect(result.stored == [2, 2, 2, 2, 2])
            #expect(result.quarantined == [.notJSON: 1])
            for kind in RecordKind.all {
                #expect(try await connection.number("SELECT count(*) FROM \(kind.table)") == 2)
            }
            let transactions = try await connection.number(
                """
                SELECT count(DISTINCT x) FROM (
                    SELECT xmin::text AS x FROM candle_sticks UNION ALL SELECT xmin::text FROM exchange_rates
                    UNION ALL SELECT xmin::text FROM outbox UNION ALL SELECT xmin::text FROM quarantine
                    UNION ALL SELECT xmin::text FROM ingest_batches) t
                """)
            #expect(transactions == 1)
        }
    }

    @Test func valuesAreStoredAsTheyCame() async throws {
        try await withMigratedDatabase { database, connection in
            var messages = Messages()
            for kind in RecordKind.all.indices { messages.add(Messages.ofEachKind()[kind], kind: kind) }
            try await RecordStore.make(database).store(messages)
            let values = try await connection.texts(
                """
                SELECT charts::text FROM candle_sticks
                UNION ALL SELECT bids::text || asks::text FROM order_books
                UNION ALL SELECT concat_ws(' ', high, coalesce(low, -1), coalesce(quote_volume, -1)) FROM tickers
                UNION ALL SELECT trades_info::text FROM trades
                UNION ALL SELECT concat_ws(' ', pool_a_size, pool_b_size, exchange_rate) FROM exchange_rates
                """)
            #expect(
                values == [
                    "{{1702303200000,1,4,0.5,2,10}}", "{{1.5,2},{1,3}}{}", "3.5 -1 -1",
                    "{{0,1.5,2,1702303201000},{1,1.25,3,1702303202000}}",
                    "1 2.50 0.1",
                ])
        }
    }

    @Test func nullsAndRaggedRowsAreFilledUp() async throws {
        try await withMigratedDatabase { database, connection in
            let body = Messages.body(
                market: 1, start: 0,
                #""charts":[[1702303200000,1,4,0.5,2,10],[1702303200001,null,null,null,null,0,7,8],[1702303200002,1,1,1,1,null]]"#
            )
            try await RecordStore.make(database).store(Messages([body]))
            let charts = try await connection.texts("SELECT charts::text FROM candle_sticks")
            #expect(
                charts == [
                    "{{1702303200000,1,4,0.5,2,10,NULL,NULL},{1702303200001,NULL,NULL,NULL,NULL,0,7,8},{1702303200002,1,1,1,1,NULL,NULL,NULL}}"
                ])
            #expect(try await connection.number("SELECT count(*) FROM candles") == 3)
        }
    }

    @Test func exchangeRatesKeepEveryDigit() async throws {
        try await withMigratedDatabase { database, connection in
            let long = "123456789012345678901234567890123456789.012345678901234567890123456789012345678900"
            var messages = Messages()
            messages.add(
                Messages.body(
                    market: 1, start: 0, #""poolASize":"\#(long)","poolBSize":\#(long),"exchangeRate":1e-30"#),
                kind: 4)
            try await RecordStore.make(database).store(messages)
            let values = try await connection.execute(
                "SELECT pool_a_size::text, pool_b_size::text, exchange_rate::text FROM exchange_rates")
            #expect(values.text(0, 0) == long && values.text(0, 1) == long)
            #expect(values.text(0, 2) == "0." + String(repeating: "0", count: 29) + "1")
        }
    }

    /// Ids are drawn under the lane's lock, in order of arrival, whatever the order in which records are inserted.
    @Test func withinALaneIdsRiseInOrderOfArrival() async throws {
        try await withMigratedDatabase { database, connection in
            let arrivals = (0..<400).map { (number: Int) -> String in
                Messages.candle(market: Int32(number * 7 % 40 + 1), start: Int64(1000 - number))
            }
            let store = RecordStore.make(database)
            for batch in stride(from: 0, to: 400, by: 100) {
                try await store.store(Messages(Array(arrivals[batch..<batch + 100])))
            }
            let overtakers = try await connection.number(
                """
                SELECT count(*) FROM (
                    SELECT interval_start, lag(interval_start) OVER (PARTITION BY lane ORDER BY id) AS before FROM outbox) t
                WHERE interval_start >= before
                """)
            #expect(overtakers == 0)
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 400)
            let lanes = try await connection.number("SELECT count(DISTINCT (lane, market_id)) FROM outbox")
            #expect(lanes == 40)
        }
    }

    @Test func theLedgerHasALineForEachTransaction() async throws {
        try await withMigratedDatabase { database, connection in
            let store = RecordStore.make(database, writer: "somebody")
            try await store.store(Messages([Messages.candle(), Messages.candle(close: "3"), "x", Messages.candle()]))
            try await store.store(Messages([Messages.candle()]))
            try await store.store(Messages(["x", "y"]))
            let lines = try await connection.texts(
                """
                SELECT concat_ws(' ', writer, received, stored, duplicate, duplicate_other, quarantined)
                FROM ingest_batches ORDER BY id
                """)
            #expect(lines == ["somebody 4 1 2 1 1", "somebody 1 0 1 0 0", "somebody 2 0 0 0 2"])
        }
    }
}
