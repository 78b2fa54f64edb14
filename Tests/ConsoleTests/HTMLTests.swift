import ProgramRuntime
import Testing

@testable import Console

@Suite("HTML takes escaped text only") struct HTMLTests {
    @Test func whatIsInterpolatedIsText() {
        let name = "<img src=x onerror=\"alert(1)\"> & 'more' `it`"
        let html: HTML = "<td title=\"\(name)\">\(name)</td>"
        let safe = "&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; &#39;more&#39; &#96;it&#96;"
        #expect(html.text == "<td title=\"\(safe)\">\(safe)</td>")
    }

    @Test func htmlGoesInAsItIs() {
        let inner: HTML = "<b>\(1)</b>"
        let html: HTML = "<p>\(inner)\([inner, inner])\(HTML.when(false, inner))</p>"
        #expect(html.text == "<p><b>1</b><b>1</b><b>1</b></p>")
    }

    @Test func whatHidesItselfIsVisible() {
        let html: HTML = "\("a\u{202E}b\u{0}c")"
        #expect(html.text == "a\\u{202e}b\\u{0}c")
        #expect(HTML.lines("<a>\n\u{1B}[2J", limit: 100).text == "&lt;a&gt;\n\\u{1b}[2J")
    }

    @Test func aLongTextIsCut() {
        let html: HTML = "\(String(repeating: "x", count: 100_000))"
        #expect(html.text.utf8.count < 5000)
    }
}

@Suite("Fields of queries and forms") struct FormFieldsTests {
    @Test func areDecoded() {
        let fields = FormFields("symbol=BTC%2FUSDT&why=so+it+is&empty=&flag&id=1&id=2&bad=%zz%4")
        #expect(fields["symbol"] == "BTC/USDT")
        #expect(fields["why"] == "so it is")
        #expect(fields["empty"] == nil && fields["flag"] == nil)
        #expect(fields.all("id") == ["1", "2"])
        #expect(fields["bad"] == "%zz%4")
    }

    @Test func comeBackAsTheyWere() {
        let fields = FormFields().with("symbol", "BTC/USDT & \"ü\"").with("since", "2h").with("none", nil)
        #expect(FormFields(fields.query.dropFirst()) == fields)
        #expect(fields.with("since", nil).with("symbol", nil).query.isEmpty)
    }
}

@Suite("Figures") struct FiguresTests {
    @Test func numbersAreReadable() {
        #expect(Figures.grouped(1_234_567) == "1,234,567")
        #expect(Figures.grouped(Int64.min) == "-9,223,372,036,854,775,808")
        #expect(["0", "0.4", "42", "1.2k", "19k", "3.4M"] == [0, 0.4, 42, 1234, 18_700, 3_400_000].map(Figures.rough))
        #expect(Figures.fixed(-0.004, 2) == "0.00" && Figures.fixed(-12.345, 1) == "-12.3")
        #expect(Figures.short(12.34) == "12.3" && Figures.short(-0.5) == "-0.5" && Figures.short(.nan) == "0")
        #expect(Figures.price(42_000) == "42000" && Figures.price(0.1) == "0.1")
    }

    @Test func timesOfPagesAreMarked() {
        #expect(Moment.html("2026-01-31T12:00:00.123Z").text == "<time>2026-01-31 12:00:00</time>")
        #expect(Moment.html("2026-01-31T12:00:00Z", .milliseconds).text == "<time>2026-01-31 12:00:00</time>")
        #expect(Moment.html(.text("2026-01-31T12:00:00Z"), .minutes).text == "<time>2026-01-31 12:00</time>")
        #expect(Moment.html(.null).text == "–")
        #expect(Moment.html("22:13", of: 1_700_000_000).text == "<time datetime=\"2023-11-14T22:13:20Z\">22:13</time>")
        #expect(Moment.ifTime("a queue").text == "a queue")
    }

    @Test func timesAreUTC() {
        #expect(Figures.clock(1_700_000_000, withDay: true, withSeconds: true) == "11-14 22:13:20")
        #expect(Figures.day(0) == "1970-01-01")
    }
}
