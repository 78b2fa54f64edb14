import Testing

@testable import Records

@Suite struct CandleStickTests {
    private func charts(_ rows: String) throws(Refusal) -> String? { try decode(candles(rows)).columns["charts"] }

    @Test func `the contract's message`() throws {
        let body = """
            {"exchange":"binance","symbol":"BTC/USDT",
             "payload":{"charts":[[1702305540000,42000.03,42016.11,41972.83,41988.89,107.70167]],
                        "intervalStart":1702305540000,"intervalEnd":1702305600000,"marketId":69},
             "collectorTraceId":"9f8a1c2d"}
            """
        let decoded = try decode(body)
        #expect(decoded.key == RecordKey(market: 69, intervalStart: 1_702_305_540_000, intervalEnd: 1_702_305_600_000))
        #expect(decoded.exchange == #""binance""#)
        #expect(decoded.symbol == #""BTC/USDT""#)
        #expect(decoded.traceID == #""9f8a1c2d""#)
        #expect(!decoded.traceIDHasEscapes)
        #expect(decoded.payload.hasPrefix(#"{"charts":[["#) && decoded.payload.hasSuffix(#""marketId":69}"#))
        #expect(decoded.columns == ["charts": "{{1702305540000,42000.03,42016.11,41972.83,41988.89,107.70167}}"])
    }

    @Test(arguments: [
        ("[]", "{}"), (" [ ] ", "{}"),
        ("[[1702305540000,1,2,1,1,0]]", "{{1702305540000,1,2,1,1,0}}"),
        ("[ [ 1702305540000 , 1 ,\n2,\t1,1,0 ] ]", "{{1702305540000,1,2,1,1,0}}"),
        ("[[1702305540000,1,2,1,1,0,7,8,9]]", "{{1702305540000,1,2,1,1,0,7,8,9}}"),
        ("[[1702305540000,null,null,null,null,null]]", "{{1702305540000,NULL,NULL,NULL,NULL,NULL}}"),
        ("[[1702305540000,1,2,1,1,0,null]]", "{{1702305540000,1,2,1,1,0,NULL}}"),
        ("[[1702305540000,1,null,5,1,0]]", "{{1702305540000,1,NULL,5,1,0}}"),
        (
            "[[1702305540000,1,2,1,1,0],[1702305600000,1,2,1,1,0]]",
            "{{1702305540000,1,2,1,1,0},{1702305600000,1,2,1,1,0}}"
        ),
        (
            "[[1702305540000,1,2,1,1,0,7],[1702305540000,1,2,1,1,0]]",
            "{{1702305540000,1,2,1,1,0,7},{1702305540000,1,2,1,1,0,NULL}}"
        ),
        (
            "[[1702305540000,1,2,1,1,0],[1702305540000,1,2,1,1,0,7,8]]",
            "{{1702305540000,1,2,1,1,0,NULL,NULL},{1702305540000,1,2,1,1,0,7,8}}"
        ),
        ("[[1.70230554e12,-1,-0.0,-2.5E+0,1e-5,0e0]]", "{{1.70230554e12,-1,-0.0,-2.5E+0,1e-5,0e0}}"),
        (
            "[[1702305540000,0.30000000000000004,1e308,0.1234567890123456789012,1,0]]",
            "{{1702305540000,0.30000000000000004,1e308,0.1234567890123456789012,1,0}}"
        ),
        ("[[1702305540000,5,5,5,5,0]]", "{{1702305540000,5,5,5,5,0}}"),
    ])
    func rows(_ json: String, _ text: String) throws { #expect(try charts(json) == text) }

    @Test func `the widest row`() throws {
        let width = FieldScanner.maximumWidth
        let wide =
            "[" + (["1702305540000,1,2,1,1,0"] + Array(repeating: "9", count: width - 6)).joined(separator: ",") + "]"
        let text = try #require(try charts("[\(wide),\(candle)]"))
        #expect(text.split(separator: ",").count == 2 * width)
    }

    @Test(arguments: [
        "[[0]]", "[[]]", "[[0,1,2,1,1]]", "[\(candle),[0,1,2,1,1]]",
    ])
    func `a row too short`(_ rows: String) { #expect(refusal(of: candles(rows))?.reason == .missingField) }

    @Test(arguments: [
        "[[0,1,2,3,1,0]]", "[[0,1,2,1,1,-1]]", "[[0.5,1,2,1,1,0]]", "[[1e15,1,2,1,1,0]]", "[[0,1e400,2,1,1,0]]",
        "[[0,1,2,1,1,1e-400]]", "[[0,1,2,1,1,0,1e999]]", "[[1702305540,1,2,1,1,0]]", "[[1702305479999,1,2,1,1,0]]",
        "[[1702305660001,1,2,1,1,0]]", "[[1702305540000,1,2,1,1,0],[0,1,2,1,1,0]]",
    ])
    func `a value that can't be`(_ rows: String) { #expect(refusal(of: candles(rows))?.reason == .outOfRange) }

    @Test(arguments: ["1702305480000", "1702305660000"])
    func `a time one interval beside its own`(_ time: String) throws {
        #expect(try charts("[[\(time),1,2,1,1,0]]") == "{{\(time),1,2,1,1,0}}")
        let off = time == "1702305480000" ? "1702305479999" : "1702305660001"
        let found = refusal(of: candles("[\(candle),[\(off),1,2,1,1,0]]"))
        #expect(
            found?.detail
                == "payload.charts[1][0]: expected a time of the interval, 1702305480000 to 1702305660000, found \(off)"
        )
    }

    @Test(arguments: [
        "null", "{}", "1", "\"[]\"", "[1]", "[null]", "[{}]", "[[null,1,2,1,1,0]]", "[[0,\"1\",2,1,1,0]]",
        "[[0,true,2,1,1,0]]",
        "[[0,[1],2,1,1,0]]", "[[0,1,2,1,1,0,\"x\"]]", "[[\"0\",1,2,1,1,0]]",
    ])
    func `another type`(_ rows: String) { #expect(refusal(of: candles(rows))?.reason == .wrongType) }
}
