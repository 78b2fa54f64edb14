import Synchronization
import Testing

@testable import ProgramRuntime

@Suite struct ListingTests {
    private let columns = [ListingColumn("id", isNumber: true), ListingColumn("last_error")]

    private func listing(_ format: ListingFormat, _ rows: [[ListingValue]]) -> String {
        let pieces = Mutex<[String]>([])
        let output = { (piece: String) in pieces.withLock { $0.append(piece) } }
        var writer = ListingWriter(columns: columns, format: format, output: output)
        for row in rows { writer.write(row) }
        writer.finish()
        return pieces.withLock { $0.joined() }
    }

    @Test func tablesAreAligned() {
        let text = listing(.table, [[.integer(7), .text("no\nroute")], [.integer(1234), .null]])
        #expect(text == "  id  last_error\n   7  no\\u{a}route\n1234\n")
    }

    @Test func aLongTableStreamsAfterTheFirstRows() {
        let rows = (0..<1000).map { [ListingValue.integer($0), .text("x")] }
        let lines = listing(.table, rows).split(separator: "\n")
        #expect(lines.count == 1001)
        #expect(lines[1] == "  0  x" && lines[1000] == "999  x")
    }

    @Test func anEmptyListingHasItsHeadings() {
        #expect(listing(.table, []) == "id  last_error\n")
        #expect(listing(.csv, []) == "id,last_error\r\n")
        #expect(listing(.json, []) == "[]\n")
    }

    @Test func jsonIsOneArray() {
        let text = listing(
            .json, [[.integer(1), .text("a\"b")], [.double(.nan), .null], [.bool(true), .json(#"{"a":1}"#)]])
        #expect(
            text == """
                [
                {"id":1,"last_error":"a\\"b"},
                {"id":null,"last_error":null},
                {"id":true,"last_error":{"a":1}}
                ]

                """)
    }

    @Test func severalTextsAreAnArrayOrOneText() {
        let row = [ListingValue.array(["a\"", "b"]), .array([])]
        #expect(listing(.json, [row]) == "[\n{\"id\":[\"a\\\"\",\"b\"],\"last_error\":[]}\n]\n")
        #expect(listing(.csv, [row]) == "id,last_error\r\n\"a\"\"; b\",\r\n")
    }

    @Test func csvQuotesWhatItMust() {
        let text = listing(.csv, [[.integer(1), .text("a,\"b\"\nc")], [.double(0.5), .text(" plain ")]])
        #expect(text == "id,last_error\r\n1,\"a,\"\"b\"\"\\u{a}c\"\r\n0.5, plain \r\n")
    }

    @Test(arguments: [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
        ("@SUM(1)", "'@SUM(1)"),
        ("+1+cmd", "'+1+cmd"), ("-2+3", "'-2+3"), ("  =1", "'  =1"), ("\t=1", "'\\u{9}=1"), ("\u{FF1D}1", "'\u{FF1D}1"),
        ("-5", "-5"), ("+1.5e-3", "+1.5e-3"), ("a=b", "a=b"), ("", ""), ("BTC/USDT", "BTC/USDT"),
        ("a\u{1B}[2Jb", "a\\u{1b}[2Jb"), ("e\u{202E}vil", "e\\u{202e}vil"),
        ("x\u{200B}y\u{E0041}", "x\\u{200b}y\\u{e0041}"),
    ])
    func csvIsNoFormulaAndSteersNothing(text: String, cell: String) {
        #expect(SafeText.csvCell(text) == cell)
        #expect(listing(.csv, [[.integer(-5), .text(text)]]) == "id,last_error\r\n-5,\(cell)\r\n")
    }

    @Test func jsonOfElsewhereSteersNothingAndMeansTheSame() {
        let json = "{\"a\": \"x\u{9B}2J\u{202E}\u{E0041}\",\n\"b\": 1}"
        #expect(ListingValue.json(json).json == #"{"a": "x\u009b2J\u202e\udb40\udc41", "b": 1}"#)
    }

    @Test func linesStayAndTheRestIsOneLine() {
        #expect(SafeText.lines("a\u{1B}]0;x\u{7}\nb\r\n", limit: 100) == "a\\u{1b}]0;x\\u{7}\nb\\u{d}\n")
    }

    @Test func aSmallTableStandsByItself() {
        var table = TextTable(headings: ["kind", "rows"], rightAligned: [1])
        table.add(["CandleStick", "5"])
        table.add(["Trade", "12345"])
        #expect(table.text == "kind          rows\nCandleStick      5\nTrade        12345\n")
    }
}
