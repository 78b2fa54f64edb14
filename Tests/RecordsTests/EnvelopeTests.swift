import Testing

@testable import Records

/// What holds for messages of every kind.
@Suite struct EnvelopeTests {
    @Test(arguments: RecordKind.all.indices)
    func `each kind takes its own fields`(_ kind: Int) throws {
        let kind = RecordKind.all[kind]
        let decoded = try decode(message(kind.goodFields), as: kind)
        #expect(decoded.key.market == 69)
        #expect(decoded.payload == "{\(kind.goodFields),\(keyFields)}")
    }

    @Test func `kinds are known by name`() {
        #expect(
            RecordKind.all.map(\.queue) == [
                "database-writer.candle-stick", "database-writer.order-book", "database-writer.ticker",
                "database-writer.trade", "database-writer.exchange-rate",
            ])
        for kind in RecordKind.all { #expect(RecordKind.named(kind.name)?.table == kind.table) }
        #expect(RecordKind.named("candlestick") == nil)
    }

    @Test(arguments: RecordKind.all.indices)
    func `fields in any order, with unknown ones between`(_ kind: Int) throws {
        let kind = RecordKind.all[kind]
        let extra = #""x":{"marketId":[1,{"charts":"}"}]},"y":[1e999,-0,""],"":null"#
        let payload =
            #"{"marketId":7,\#(extra),"intervalEnd":1702305600000,\#(kind.goodFields),"intervalStart":1702305540000}"#
        let body =
            #"{"z":[],"collectorTraceId":null,"payload":\#(payload),"marketId":1,"symbol":"S","exchange":"E","z":1}"#
        let decoded = try decode(body, as: kind)
        #expect(decoded.key == RecordKey(market: 7, intervalStart: 1_702_305_540_000, intervalEnd: 1_702_305_600_000))
        #expect(decoded.payload == payload)
        #expect(decoded.exchange == #""E""# && decoded.symbol == #""S""#)
        #expect(decoded.traceID == nil)
        #expect(decoded.columns == (try decode(message(kind.goodFields), as: kind).columns))
    }

    @Test func `white space anywhere`() throws {
        let space = " \t\r\n"
        let tokens = message(#""charts":[[1702305540000,1,2,1,1,0]]"#).flatMap { character in
            "{}[],:".contains(character) ? space + String(character) + space : String(character)
        }
        let decoded = try decode(space + String(tokens) + space)
        #expect(decoded.columns["charts"] == "{{1702305540000,1,2,1,1,0}}")
        #expect(decoded.symbol == #""BTC/USDT""#)
        #expect(decoded.payload.hasPrefix("{") && decoded.payload.hasSuffix("}"))
    }

    @Test func `a trace id may be missing, null or escaped`() throws {
        let fields = RecordKind.candleStick.goodFields
        #expect(try decode(message(fields, trace: "null")).traceID == nil)
        #expect(try decode(#"{"exchange":"b","symbol":"s","payload":{\#(fields),\#(keyFields)}}"#).traceID == nil)
        let escaped = try decode(message(fields, trace: #""a\"\u00e9""#))
        #expect(escaped.traceID == #""a\"\u00e9""# && escaped.traceIDHasEscapes)
        // An escape elsewhere is none of the trace id's.
        let plain = #"{"collectorTraceId":"t","exchange":"\n","symbol":"\n","payload":{\#(fields),\#(keyFields)}}"#
        #expect(try !decode(plain).traceIDHasEscapes)
    }

    @Test(arguments: [
        #""""#, #""ÄÖ/ß€😀""#, #""\u0041\ud83d\ude00\/\\""#, #""'; DROP TABLE markets; --""#, #""{\"payload\":1}""#,
    ])
    func `names as they came`(_ name: String) throws {
        let body = #"{"exchange":\#(name),"symbol":\#(name),"payload":{"charts":[],\#(keyFields)}}"#
        let decoded = try decode(body)
        #expect(decoded.exchange == name && decoded.symbol == name)
    }

    @Test func `escaped field names are the fields`() throws {
        let body = message(#""charts":[]"#).replacing("marketId", with: #"\u006darket\u0049d"#)
            .replacing("exchange", with: #"\u0065xchange"#)
        #expect(try decode(body).key.market == 69)
        #expect(refusal(of: message(#""charts":[],"\u0063harts":[]"#))?.reason == .duplicateField)
    }

    @Test(arguments: [("69", 69), ("1", 1), ("2147483647", Int32.max), ("69.0", 69), ("6.9e1", 69)])
    func `market ids`(_ json: String, _ market: Int32) throws {
        #expect(try decode(message(#""charts":[]"#, key: times + #","marketId":\#(json)"#)).key.market == market)
    }

    private let times = #""intervalStart":1702305540000,"intervalEnd":1702305600000"#

    @Test func `the key's times as ISO 8601`() throws {
        let key = #""intervalStart":"2023-12-11T14:39:00Z","intervalEnd":"2023-12-11T15:40:00+01:00","marketId":69"#
        #expect(try decode(message(#""charts":[]"#, key: key)).key == decode(candles("[]")).key)
    }
}
