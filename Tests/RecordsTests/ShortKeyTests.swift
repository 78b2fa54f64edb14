import Testing

@testable import Records

@Suite struct ShortKeyTests {
    /// The key that a JSON string stands for.
    private func key(_ json: String) throws -> ShortKey? {
        let bytes = Array("\"\(json)\"".utf8)
        var scanner = JSONScanner()
        return ShortKey(try scanner.string(bytes.span), bytes.span)
    }

    @Test func `equal names and no others`() throws {
        let names = [
            "", "a", "b", "ab", "ba", "marketId", "marketID", "marketI", "marketIdx", "intervalStart", "intervalEnd",
            "collectorTraceId", "collectorTraceIe", "dollectorTraceId", "0123456789abcdef", "é", "aé", "01234567",
            "12345678", "bidVolume", "bidVolumf", "bidVolum",
            "0123456789abcdefg", "0123456789abcdefh", "nextFundingTimestamp", "nextFundingTimestbmp",
            "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcde",
        ]
        for first in names {
            for second in names {
                #expect((try key(first) == ShortKey(second)) == (first == second), "\(first) \(second)")
            }
        }
    }

    @Test func `a name at the end of the bytes and one before more are the same`() throws {
        for length in 0...ShortKey.longest {
            let name = String("0123456789abcdef0123456789ABCDEF".prefix(length))
            let bytes = Array("\"\(name)\":[1,2,3,4,5,6,7,8]".utf8)
            var scanner = JSONScanner()
            #expect(ShortKey(try scanner.string(bytes.span), bytes.span) == ShortKey(name))
        }
    }

    @Test func `a longer name is no field's`() throws {
        #expect(try key("collectorTraceIdcollectorTraceIdX") == nil)
        #expect(try key(String(repeating: "x", count: 100_000)) == nil)
        #expect(try key(String(repeating: #"\u0061"#, count: 33)) == nil)
        #expect(try key(String(repeating: #"\u20ac"#, count: 11)) == nil, "eleven characters, 33 bytes")
    }

    @Test(arguments: [
        (#"\u006darketId"#, "marketId"), (#"m\u0061rketI\u0064"#, "marketId"),
        (
            #"\u0063\u006f\u006c\u006c\u0065\u0063\u0074\u006f\u0072\u0054\u0072\u0061\u0063\u0065\u0049\u0064"#,
            "collectorTraceId"
        ),
        (#"\u00E9\u00e9"#, "éé"), (#"\ud83d\ude00\u20AC"#, "😀€"), (#"a\/b"#, "a/b"),
        (#"\"\\\b\f\n\r\t"#, "\"\\\u{8}\u{c}\n\r\t"),
        (#"é\u0061é"#, "éaé"),
    ])
    func `escapes`(_ json: String, _ name: String) throws { #expect(try key(json) == ShortKey(name)) }
}
