import Testing

@testable import Records

@Suite struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var body: String
        var kind = "CandleStick"
        let reason: Refusal.Reason
        let detail: String
        var testDescription: String { detail }
    }

    private static func keyed(_ start: String = "0", _ end: String = "60000", _ market: String = "69") -> String {
        message(#""charts":[]"#, key: #""intervalStart":\#(start),"intervalEnd":\#(end),"marketId":\#(market)"#)
    }
    private static let names = #""exchange":"e","symbol":"s""#

    static let envelopes: [Case] = [
        Case(body: "", reason: .notJSON, detail: "expected a JSON object at byte 0, found the end of the body"),
        Case(body: "[]", reason: .notJSON, detail: "expected a JSON object at byte 0, found '['"),
        Case(
            body: candles("[]") + ",", reason: .notJSON, detail: "expected the end of the body at byte 168, found ','"),
        Case(body: "{}", reason: .missingField, detail: "exchange: is missing"),
        Case(body: #"{"exchange":"e"}"#, reason: .missingField, detail: "symbol: is missing"),
        Case(body: "{\(names)}", reason: .missingField, detail: "payload: is missing"),
        Case(body: #"{\#(names),"payload":{}}"#, reason: .missingField, detail: "payload.marketId: is missing"),
        Case(
            body: #"{\#(names),"payload":{"marketId":1,"intervalEnd":1}}"#, reason: .missingField,
            detail: "payload.intervalStart: is missing"),
        Case(
            body: #"{\#(names),"payload":{"marketId":1,"intervalStart":1}}"#, reason: .missingField,
            detail: "payload.intervalEnd: is missing"),
        Case(body: message(#""x":1"#), reason: .missingField, detail: "payload.charts: is missing"),
        Case(body: #"{"exchange":null}"#, reason: .wrongType, detail: "exchange: expected a string, found null"),
        Case(body: #"{"symbol":7}"#, reason: .wrongType, detail: "symbol: expected a string, found a number 7"),
        Case(
            body: #"{"payload":"x"}"#, reason: .wrongType, detail: #"payload: expected an object, found a string "x""#),
        Case(
            body: message("", trace: "true").replacing("{,", with: "{\"charts\":[],"), reason: .wrongType,
            detail: "collectorTraceId: expected a string, found a boolean true"),
        Case(
            body: #"{"symbol":"","symbol":""}"#, reason: .duplicateField, detail: "symbol: stands in its object twice"),
        Case(
            body: #"{"payload":{"marketId":1,"marketId":1}}"#, reason: .duplicateField,
            detail: "payload.marketId: stands in its object twice"),
        Case(
            body: message(#""charts":[],"charts":[]"#), reason: .duplicateField,
            detail: "payload.charts: stands in its object twice"),
    ]

    static let keys: [Case] = [
        Case(
            body: keyed("5", "5"), reason: .outOfRange,
            detail: "payload.intervalEnd: expected a time after intervalStart 5, found 5"),
        Case(
            body: keyed("5", "4"), reason: .outOfRange,
            detail: "payload.intervalEnd: expected a time after intervalStart 5, found 4"),
        Case(
            body: keyed("1.5"), reason: .wrongType,
            detail: "payload.intervalStart: expected whole milliseconds, found 1.5"),
        Case(
            body: keyed("0", "1702305540000000"), reason: .outOfRange,
            detail: "payload.intervalEnd: expected a time from 1900 to 2099, found 1702305540000000"),
        Case(
            body: keyed(#""2016-12-31T23:59:60Z""#), reason: .wrongType,
            detail:
                #"payload.intervalStart: expected milliseconds or an ISO 8601 time with a zone, found "2016-12-31T23:59:60Z""#
        ),
        Case(
            body: keyed("null"), reason: .wrongType, detail: "payload.intervalStart: expected a number, found null"
        ),
        Case(
            body: keyed("0", "1", "0"), reason: .outOfRange,
            detail: "payload.marketId: expected 1 to 2147483647, found 0"),
        Case(
            body: keyed("0", "1", "-1"), reason: .outOfRange,
            detail: "payload.marketId: expected 1 to 2147483647, found -1"),
        Case(
            body: keyed("0", "1", "2147483648"), reason: .outOfRange,
            detail: "payload.marketId: expected 1 to 2147483647, found 2147483648"),
        Case(
            body: keyed("0", "1", "6.5"), reason: .wrongType, detail: "payload.marketId: expected an integer, found 6.5"
        ),
        Case(
            body: keyed("0", "1", #""69""#), reason: .wrongType,
            detail: #"payload.marketId: expected a number, found a string "69""#),
    ]

    static let fields: [Case] = [
        Case(body: candles("{}"), reason: .wrongType, detail: "payload.charts: expected an array, found an object {}"),
        Case(
            body: candles("[\(candle),7]"), reason: .wrongType,
            detail: "payload.charts[1]: expected an array, found a number 7"),
        Case(
            body: candles("[\(candle),[0,1,2]]"), reason: .missingField,
            detail: "payload.charts[1]: expected at least 6 elements, found 3"),
        Case(
            body: candles(#"[[0,1,"2",1,1,0]]"#), reason: .wrongType,
            detail: #"payload.charts[0][2]: expected a number, found a string "2""#),
        Case(
            body: candles("[[0.5,1,2,1,1,0]]"), reason: .outOfRange,
            detail: "payload.charts[0][0]: expected milliseconds from 1900 to 2099, found 0.5"),
        Case(
            body: candles("[[0,1e999,2,1,1,0]]"), reason: .outOfRange,
            detail: "payload.charts[0][1]: expected a double precision number, found 1e999"),
        Case(
            body: candles("[[0,1,2,3,1,0]]"), reason: .outOfRange,
            detail: "payload.charts[0]: high 2.0 is below low 3.0"),
        Case(
            body: candles("[[0,1,2,1,1,-3]]"), reason: .outOfRange, detail: "payload.charts[0]: volume -3.0 is negative"
        ),
        Case(
            body: candles("[[0\(String(repeating: ",1", count: 32))]]"), reason: .outOfRange,
            detail: "payload.charts[0][32]: expected at most 32 elements, found more"),
        Case(
            body: candles("[[0,1x]]"), reason: .notJSON,
            detail: "payload.charts[0][2]: expected ']' at byte 67, found 'x'"),
        Case(
            body: message(#""bids":[[1,-1]],"asks":[]"#), kind: "OrderBook", reason: .outOfRange,
            detail: "payload.bids[0]: amount -1.0 is negative"),
        Case(
            body: message(#""tradesInfo":[[3,1,1,0]]"#), kind: "Trade", reason: .outOfRange,
            detail: "payload.tradesInfo[0]: side 3.0 is neither 0 nor 1"),
        Case(
            body: message(#""vwap":[]"#), kind: "Ticker", reason: .wrongType,
            detail: "payload.vwap: expected a number, found an array []"),
        Case(
            body: message(#""poolASize":"NaN""#), kind: "ExchangeRate", reason: .wrongType,
            detail: #"payload.poolASize: expected a decimal number, found "NaN""#),
        Case(
            body: message(#""poolASize":1e160"#), kind: "ExchangeRate", reason: .outOfRange,
            detail: "payload.poolASize: expected at most 160 digits, found 1e160"),
    ]

    @Test(arguments: envelopes + keys + fields)
    func `reason and detail`(_ example: Case) throws {
        let found = try #require(refusal(of: example.body, as: RecordKind.named(example.kind)!))
        #expect(found.reason == example.reason)
        #expect(found.detail == example.detail)
    }

    @Test func `reason codes are stable`() {
        #expect(
            Refusal.Reason.allCases.map(\.rawValue) == [
                "not_json", "missing_field", "wrong_type", "out_of_range", "duplicate_field", "too_deep", "too_large",
                "unknown_market", "refused_by_database",
            ])
    }

    @Test func `too large`() {
        let body = Array(candles("[]").utf8)
        #expect(refusal(of: body, maximumBytes: body.count) == nil)
        let found = refusal(of: body, maximumBytes: body.count - 1)
        #expect(found == Refusal(.tooLarge, "the body has 168 bytes, the limit is 167"))
    }
}
