import Testing

@testable import Records

/// Messages that are made to break a decoder: none may crash it, cost more than its size, or become a record.
@Suite struct HostileInputTests {
    private let good = Array(candles("[\(candle)]").utf8)
    private let megabytes = 64 << 20

    @Test func `a byte order mark`() {
        #expect(refusal(of: [0xEF, 0xBB, 0xBF] + good)?.reason == .notJSON)
        #expect(refusal(of: [0xFF, 0xFE] + good)?.reason == .notJSON)
    }

    @Test func `UTF-16`() {
        #expect(refusal(of: good.flatMap { [$0, 0] })?.reason == .notJSON)
        #expect(refusal(of: good.flatMap { [0, $0] })?.reason == .notJSON)
    }

    @Test func `every prefix is refused`() {
        for length in good.indices { #expect(refusal(of: good[..<length])?.reason == .notJSON, "\(length)") }
        #expect(refusal(of: good) == nil)
    }

    @Test(arguments: ["{}", "x", "\u{0}", ",", "}", "\u{feff}"])
    func `bytes after the end`(_ rest: String) { #expect(refusal(of: good + rest.utf8)?.reason == .notJSON) }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":", "\"\\", "[[],"])
    func `deep nesting`(_ opening: String) {
        let deep = String(repeating: opening, count: 200_000)
        for body in [deep, #"{"x":"# + deep, #"{"payload":"# + deep, #"{"payload":{"charts":"# + deep] {
            let reason = refusal(of: Array(body.utf8), maximumBytes: megabytes)?.reason
            #expect([.tooDeep, .wrongType, .notJSON, .missingField].contains(reason))
        }
    }

    @Test func `nesting of unknown fields, to the last level`() {
        for depth in [61, 62, 63, 64, 65] {
            let nested = String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)
            // Two objects lie around it.
            #expect(
                (refusal(of: message(#""charts":[],"x":\#(nested)"#))?.reason == .tooDeep) == (depth > 62), "\(depth)")
        }
    }

    @Test(arguments: ["NaN", "-NaN", "Infinity", "-Infinity", "nan", "inf", "0x1p3", "1_0", "١"])
    func `not a number`(_ text: String) {
        #expect(refusal(of: candles("[[0,1,2,1,1,\(text)]]"))?.reason == .notJSON)
        #expect(refusal(of: message(#""high":\#(text)"#), as: .ticker)?.reason == .notJSON)
        let quoted = #""poolASize":"\#(text)","poolBSize":1,"exchangeRate":1"#
        #expect(refusal(of: message(quoted), as: .exchangeRate)?.reason == .wrongType)
    }

    @Test(arguments: ["\\u0000", "\\ud800", "\\udfff", "\\ud800\\u0041", "\u{1}", "\\a"])
    func `text that no column can hold`(_ text: String) {
        #expect(refusal(of: message(#""charts":[]"#, trace: "\"\(text)\""))?.reason == .notJSON)
        #expect(refusal(of: message("\"charts\":[],\"x\":\"\(text)\""))?.reason == .notJSON, "in an unknown field")
        #expect(refusal(of: message("\"charts\":[],\"\(text)\":1"))?.reason == .notJSON, "in an unknown key")
    }

    @Test func `a long row does not blow up the short ones`() {
        let long = "[0" + String(repeating: ",1", count: 100_000) + "]"
        let short = String(repeating: ",\(candle)", count: 10_000)
        #expect(refusal(of: Array(candles("[\(long)\(short)]").utf8))?.reason == .outOfRange)
        #expect(refusal(of: Array(candles("[\(candle)\(short),\(long)]").utf8))?.reason == .outOfRange)
    }

    @Test func `numbers of a million digits`() {
        let digits = String(repeating: "1", count: 1_000_000)
        #expect(
            refusal(of: Array(candles("[[0,\(digits),2,1,1,0]]").utf8), maximumBytes: megabytes)?.reason == .outOfRange)
        #expect(
            refusal(of: Array(candles("[[1702305540000,1.\(digits),2,1,1,0]]").utf8), maximumBytes: megabytes) == nil)
        #expect(
            refusal(of: Array(candles("[[0,1e\(digits),2,1,1,0]]").utf8), maximumBytes: megabytes)?.reason
                == .outOfRange)
        #expect(refusal(of: Array(message("\"charts\":[],\"x\":\(digits)").utf8), maximumBytes: megabytes) == nil)
    }

    @Test func `a body of many megabytes`() throws {
        let rows = Array(repeating: candle, count: 60_000).joined(separator: ",")
        let body = Array(candles("[\(rows)]").utf8)
        #expect(body.count > 3 << 20)
        #expect(refusal(of: body)?.reason == .tooLarge)
        let text = try #require(try decode(body, maximumBytes: megabytes).columns["charts"])
        #expect(text.utf8.count == rows.utf8.count + 2)
        let padded = Array(#"{"x":""#.utf8) + [UInt8](repeating: 0x61, count: 8 << 20) + Array("\"}".utf8)
        #expect(refusal(of: padded, maximumBytes: megabytes)?.reason == .missingField)
    }

    @Test func `a detail is short whatever the message holds`() {
        let long = String(repeating: "x", count: 1_000_000)
        for body in [#"{"payload":"\#(long)"}"#, #"{"exchange":["\#(long)"]}"#, message("\"charts\":\"\(long)\"")] {
            #expect(refusal(of: Array(body.utf8), maximumBytes: megabytes)!.detail.utf8.count < 200)
        }
    }
}
