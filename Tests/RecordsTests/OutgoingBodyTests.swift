import Foundation
import Testing

@testable import Records

@Suite struct OutgoingBodyTests {
    /// The body that leaves for a message of this kind.
    private func outgoing(_ body: String, kind: Int) throws -> [UInt8] {
        let bytes = Array("garbage".utf8) + Array(body.utf8)
        var batch = PreparedBatch(bytes: bytes, capacity: 1)
        batch.add(body: 7..<bytes.count, kind: kind, maximumBytes: 1 << 20)
        let record = try #require(batch.records.first)
        var out: [UInt8] = []
        OutgoingBody.pieces(of: record, type: batch.kinds[kind].name, in: bytes.span) { piece in
            piece.withUnsafeBufferPointer { out.append(contentsOf: $0) }
        }
        return out
    }

    @Test func `the gateway's shape`() throws {
        let out = try outgoing(candles("[]"), kind: 0)
        #expect(
            String(decoding: out, as: UTF8.self)
                == #"{"exchange":"binance","symbol":"BTC/USDT","payload":{"charts":[],\#(keyFields)},"type":"CandleStick","#
                + #""collectorTraceId":"9f8a1c2d"}"#)
    }

    @Test func `without a trace id`() throws {
        let expected =
            #"{"exchange":"binance","symbol":"BTC/USDT","payload":{"charts":[],\#(keyFields)},"type":"CandleStick"}"#
        let out = try outgoing(message(#""charts":[]"#, trace: "null"), kind: 0)
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    @Test(arguments: RecordKind.all.indices)
    func `valid JSON, the payload byte for byte`(_ kind: Int) throws {
        let payload =
            #"{ "é":"\u00e9\/", "n":1.50, \#(RecordKind.all[kind].goodFields) ,\#(keyFields), "big":12345678901234567890.10}"#
        let body = #"{"x":1,"collectorTraceId":"\"t\\","payload":\#(payload) ,"symbol":"\u20ac/😀","exchange" : "e\n"}"#
        let out = try outgoing(body, kind: kind)
        #expect(String(decoding: out, as: UTF8.self).contains(#""payload":\#(payload),"type""#))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(out)) as? [String: Any])
        #expect(Set(object.keys) == ["exchange", "symbol", "payload", "type", "collectorTraceId"])
        #expect(object["exchange"] as? String == "e\n")
        #expect(object["symbol"] as? String == "€/😀")
        #expect(object["type"] as? String == RecordKind.all[kind].name)
        #expect(object["collectorTraceId"] as? String == #""t\"#)
    }

    @Test func `what left may come back`() throws {
        let first = try outgoing(candles("[\(candle)]"), kind: 0)
        #expect(try outgoing(String(decoding: first, as: UTF8.self), kind: 0) == first)
    }
}
