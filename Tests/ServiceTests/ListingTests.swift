import Synchronization
import Testing

@testable import Service

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
        #expect(text == "id,last_error\r\n1,\"a,\"\"b\"\"\nc\"\r\n0.5, plain \r\n")
    }

    @Test func aSmallTableStandsByItself() {
        var table = TextTable(headings: ["kind", "rows"], rightAligned: [1])
        table.add(["CandleStick", "5"])
        table.add(["Trade", "12345"])
        #expect(table.text == "kind          rows\nCandleStick      5\nTrade        12345\n")
    }
}
