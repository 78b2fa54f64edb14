import Testing

@testable import Records

@Suite struct JSONScannerTests {
    /// Reads one value and the end of the text.
    private func scan(_ bytes: [UInt8]) throws(Refusal) -> String {
        var scanner = JSONScanner()
        let range = try scanner.skipValue(bytes.span, depth: 0)
        try scanner.expectEnd(bytes.span)
        return String(decoding: bytes[range], as: UTF8.self)
    }

    private func refusal(_ bytes: [UInt8]) -> Refusal? {
        do {
            _ = try scan(bytes)
            return nil
        } catch { return error }
    }

    @Test(arguments: [
        "{}", "[]", "null", "true", "false", "0", "-1.5e3", #""""#, #"{"a":1,"b":[1,{"c":null}],"":""}"#,
        "[[],[[]],{}]",
        #""\"\\\/\b\f\n\r\t\u00e9""#, "\"ÿ€😀\u{7f}\"", #""\ud83d\ude00""#, "\"\u{10FFFF}\u{800}\u{E000}\"",
        "[ 1 ,\t2\r\n]",
        #"{ "a" : 1 }"#,
    ])
    func valid(_ text: String) throws {
        #expect(try scan(Array(text.utf8)) == text)
        #expect(try scan(Array(" \t\r\n\(text) \n".utf8)) == text)
    }

    @Test(arguments: [
        "", " ", "{", "[", "]", "}", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
        "{1:1}",
        "{'a':1}", "{\"a\":1 \"b\":2}", "nul", "nulll", "True", "tru", "fals", "undefined", "NaN", "-Infinity", "+1",
        "01", "1.",
        ".1", "1e", "\"", "\"\\", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"\t\"", "\"\u{0}\"",
        "1 1", "{}{}",
        "[]]", "/**/1", "\u{a0}1", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\ud800\"",
        "\"\\ud800\\u\"", "\"\\udc00\\ud800\"", "\"\\u0000\"",
    ])
    func invalid(_ text: String) { #expect(refusal(Array(text.utf8))?.reason == .notJSON) }

    /// Sequences that table 3-7 of the Unicode Standard has no place for.
    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
            [0xE2, 0x28, 0xA1],
            [0xE2, 0x82, 0x28], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
            [0xF0, 0x9F, 0x98, 0x28], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func `not UTF-8`(_ sequence: [UInt8]) {
        #expect(refusal([0x22] + sequence + [0x22])?.reason == .notJSON)
        #expect(refusal([0x22, 0x61] + sequence)?.reason == .notJSON, "at the end of the body")
    }

    @Test func `every character is valid`() throws {
        for scalar in (UInt32(0x20)...0x10FFFF).lazy.compactMap(UnicodeScalar.init) where scalar.value % 61 == 0 {
            let text = "\"\(scalar)\""
            if scalar == "\"" || scalar == "\\" { continue }
            #expect(try scan(Array(text.utf8)) == text)
        }
    }

    /// Strings are read eight bytes at a time.
    @Test func `every byte at every place of a string`() {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<20 {
                var text = [UInt8](repeating: 0x61, count: 20)
                text[place] = byte
                let isPlain = (0x20...0x7F).contains(byte) && byte != 0x22 && byte != 0x5C
                #expect((refusal([0x22] + text + [0x22]) == nil) == isPlain, "byte \(byte) at \(place)")
            }
        }
    }

    private func nested(_ depth: Int, around inner: String = "") -> [UInt8] {
        Array((String(repeating: "[", count: depth) + inner + String(repeating: "]", count: depth)).utf8)
    }

    @Test func `nesting has a limit`() {
        #expect(refusal(nested(JSONScanner.maximumDepth)) == nil)
        #expect(refusal(nested(JSONScanner.maximumDepth, around: "1")) == nil)
        #expect(refusal(nested(JSONScanner.maximumDepth + 1))?.reason == .tooDeep)
        #expect(refusal(nested(JSONScanner.maximumDepth, around: "{}"))?.reason == .tooDeep)
        #expect(refusal(nested(200_000))?.reason == .tooDeep)
        #expect(refusal(Array(String(repeating: "{\"a\":", count: 200_000).utf8))?.reason == .tooDeep)
    }

    @Test(arguments: [
        ("[1,x]", "expected a value at byte 3, found 'x'"), ("[1", "expected ']' at byte 2, found the end of the body"),
        ("1\u{1}", "expected the end of the body at byte 1, found byte 0x1"),
        ("\"\\q\"", "expected an escape at byte 1, found '\\'"), ("{\"a\" 1}", "expected ':' at byte 5, found '1'"),
        ("\"a", "expected the end of a string at byte 2, found the end of the body"),
        ("\"ab\\u0000\"", "\\u0000 at byte 3: no text column can hold it"),
    ])
    func `an error tells the place`(_ text: String, _ detail: String) {
        #expect(refusal(Array(text.utf8))?.detail == detail)
    }

    @Test func `an excerpt is short and printable`() {
        let bytes = Array("é\n\"'; drop table x; -- \u{0} 0123456789 0123456789".utf8)
        #expect(excerpt(0..<10, bytes.span) == "???\"'; dro")
        #expect(excerpt(bytes.indices, bytes.span).count == 41)
    }
}
