import Testing

@testable import Console

@Suite("A message byte for byte") struct BodyViewTests {
    private static func html(_ bytes: [UInt8], stop: Int? = nil) -> String {
        BodyView(bytes: bytes, size: Int64(bytes.count), stop: stop).html.text
    }

    @Test func theCharacterThatDecodingStoppedAtIsMarked() {
        let html = Self.html(Array("{\"a\":<ü>}".utf8), stop: 6)
        #expect(html.contains("{&quot;a&quot;:&lt;<mark id=\"stop\">ü</mark>&gt;}</pre>"), "\(html)")
        #expect(html.contains("Decoding stopped at <a href=\"#stop\">byte 6</a>"))
    }

    @Test func theEndIsMarkedWhereMoreWasExpected() {
        #expect(Self.html(Array("{".utf8), stop: 1).contains("{<mark id=\"stop\">(end)</mark></pre>"))
        #expect(Self.html([0xFF], stop: 1).contains("ff <mark id=\"stop\">(end)</mark>"))
    }

    @Test func whatIsNoTextIsDigits() {
        let html = Self.html([0x41, 0xFF, 0x0A], stop: 1)
        #expect(html.contains("000000  41 <mark id=\"stop\">ff</mark> 0a") && html.contains("  A..\n"))
    }

    @Test func whatCanBeDecodedHasNoMark() {
        #expect(!Self.html(Array("{}".utf8)).contains("mark"))
    }

    @Test func ofALongTextThePlaceIsShown() {
        let text = String(repeating: "ü", count: 30_000)
        let html = Self.html(Array(text.utf8), stop: 50_000)
        #expect(html.contains("<mark id=\"stop\">ü</mark>") && html.contains("Bytes 41,808 to "))
        #expect(html.utf8.count < 17_000)
        let begin = BodyView(bytes: Array(text.utf8), size: 1_000_000, stop: nil).html.text
        #expect(begin.contains("The first 16,384 of 1,000,000 bytes."))
    }
}
