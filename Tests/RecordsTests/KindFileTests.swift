import Testing

@testable import Records

@Suite struct KindFileTests {
    private static let good = """
        {
            "name": "FundingRate",
            "queue": "database-writer.funding-rate",
            "table": "funding_rates",
            "partition": "month",
            "fields": [
                {"name": "fundingRate", "type": "decimal"},
                {"name": "high", "type": "number", "required": false, "null": "stored", "notNegative": true},
                {"name": "low", "column": "lowest", "type": "integer", "required": false},
                {"name": "levels", "type": "rows", "elements": ["time", "price"], "time": "time", "null": "elements"}
            ]
        }
        """

    private func parse(_ text: String) throws(KindFileError) -> RecordKind { try KindFile.parse(Array(text.utf8)) }

    @Test func `a good file`() throws {
        let kind = try parse(Self.good)
        #expect(kind.name == "FundingRate" && kind.queue == "database-writer.funding-rate")
        #expect(
            kind.table == "funding_rates" && kind.partition == .month && kind.versions == .first && kind.about == "")
        #expect(kind.fields.map(\.column) == ["funding_rate", "high", "lowest", "levels"])
        #expect(kind.fields.map(\.sqlType) == ["numeric", "double precision", "bigint", "double precision[]"])
        #expect(kind.fields.map(\.isNullable) == [false, true, true, false])
        #expect(kind.fields.map(\.isRequired) == [true, false, false, true])
    }

    @Test func `the kinds of the program`() {
        #expect(RecordKind.builtIn.map(\.name) == ["CandleStick", "OrderBook", "Ticker", "Trade", "ExchangeRate"])
        #expect(
            RecordKind.builtIn.map(\.table) == ["candle_sticks", "order_books", "tickers", "trades", "exchange_rates"])
        #expect(RecordKind.builtIn.map(\.partition) == [.month, .day, .week, .week, .month])
        #expect(
            RecordKind.ticker.fields.map(\.column).joined(separator: " ")
                == "high low bid bid_volume ask ask_volume vwap open close last previous_close change percentage average "
                + "base_volume quote_volume")
        #expect(RecordKind.exchangeRate.fields.map(\.column) == ["pool_a_size", "pool_b_size", "exchange_rate"])
        for kind in RecordKind.builtIn { #expect(!kind.about.isEmpty && kind.versions == .first) }
    }

    /// What is replaced in the good file, by what, and the line and the beginning of the reason.
    private static let bad: [(String, String, Int, String)] = [
        ("\"name\": \"FundingRate\"", "\"name\": \"fundingRate\"", 2, "name: expected a name of 2 to 40 letters"),
        ("\"name\": \"FundingRate\"", "\"name\": \"Funding Rate\"", 2, "name: expected a name of 2 to 40 letters"),
        ("\"name\": \"FundingRate\"", "\"name\": \"Funding\\u001b[2J\"", 2, "name: expected"),
        ("\"name\": \"FundingRate\"", "\"name\": 5", 2, "name: expected a string, found a number"),
        ("\"name\": \"FundingRate\",", "", 1, "a kind has no name"),
        ("\"name\": \"FundingRate\"", "\"name\": \"A1\", \"name\": \"A2\"", 2, "\"name\" stands in its object twice"),
        ("database-writer.funding-rate", "amq.direct", 3, "queue: expected"),
        ("database-writer.funding-rate", "a b", 3, "queue: expected"),
        ("\"funding_rates\"", "\"outbox\"", 4, "table: expected"),
        ("\"funding_rates\"", "\"records_pruned_5\"", 4, "table: expected"),
        ("\"funding_rates\"", "\"user\"", 4, "table: expected"),
        ("\"funding_rates\"", "\"x; DROP TABLE outbox\"", 4, "table: expected"),
        ("\"month\"", "\"year\"", 5, "partition: expected one of \"day\", \"week\", \"month\", found \"year\""),
        ("\"month\",", "\"month\", \"versions\": \"newest\",", 5, "versions: expected"),
        ("\"month\",", "\"month\", \"colour\": 1,", 5, "\"colour\" is nothing that a kind has; there are name, about"),
        ("\"month\",", "\"month\"", 6, "expected '}'"),
        ("\"fundingRate\"", "\"aNameThatIsTooLongForAFieldOfAKind\"", 7, "name: expected a name of 1 to 32"),
        ("\"fundingRate\"", "\"marketId\"", 7, "name: expected a name of 1 to 32"),
        ("\"fundingRate\"", "\"version\"", 7, "column: expected an SQL name"),
        ("\"fundingRate\"", "\"order\"", 7, "column: expected an SQL name"),
        ("\"decimal\"", "\"money\"", 7, "type: expected one of \"number\", \"integer\""),
        (
            "\"type\": \"decimal\"", "\"type\": \"text\", \"notNegative\": true", 7,
            "\"notNegative\" is nothing that a field of"
        ),
        (
            "\"type\": \"decimal\"", "\"type\": \"decimal\", \"null\": \"rows\"", 7,
            "null: expected one of \"refused\", \"stored\""
        ),
        ("\"type\": \"decimal\"", "\"type\": \"decimal\", \"required\": \"no\"", 7, "required: expected true or false"),
        ("\"high\"", "\"fundingRate\"", 8, "the name \"fundingRate\" is another field's"),
        ("\"lowest\"", "\"high\"", 9, "the column \"high\" is another field's"),
        ("\"lowest\"", "\"interval_end\"", 9, "column: expected an SQL name"),
        ("\"lowest\"", "\"ctid\"", 9, "column: expected an SQL name"),
        ("\"lowest\"", "\"Low\"", 9, "column: expected an SQL name"),
        ("\"time\": \"time\"", "\"time\": \"when\"", 10, "time: expected one of the first 2 elements, found \"when\""),
        ("[\"time\", \"price\"]", "[]", 10, "elements: expected 1 to 32 names"),
        ("[\"time\", \"price\"]", "[\"time\", \"time\"]", 10, "elements: expected 1 to 32 names"),
        ("\"time\": \"time\"", "\"notBelow\": [[\"price\"]]", 10, "notBelow: expected pairs of two names"),
        ("\"rows\", ", "\"rows\", \"elements\": [[[[[[1]]]]]], ", 10, "nests too deep"),
        (
            "    ]\n", "    ], \"notBelow\": [[\"high\", \"fundingRate\"]]\n", 11,
            "notBelow: expected two fields of type number"
        ),
        (
            "    ]\n", "    ],\n\"notBelow\": [[\"high\", \"what\"]]\n", 12,
            "notBelow: expected two fields of type number"
        ),
        ("{\"name\": \"fundingRate\", \"type\": \"decimal\"}", "7", 7, "expected a field as an object, found a number"),
    ]

    @Test(arguments: bad.indices)
    func `a bad file is refused with line and reason`(_ index: Int) {
        let (part, other, line, reason) = Self.bad[index]
        let text = Self.good.replacing(part, with: other, maxReplacements: 1)
        #expect(text != Self.good, "\(part)")
        let error = #expect(throws: KindFileError.self) { try parse(text) }
        #expect(error?.line == line && error?.reason.hasPrefix(reason) == true, "\(part): \(error?.description ?? "")")
        #expect(error?.reason.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 > 0x7F } == true)
    }

    @Test(arguments: ["", "[]", "null", "{", "\u{FEFF}{}", "{}{}", String(repeating: " ", count: 70_000)])
    func `no file of a kind`(_ text: String) { #expect(throws: KindFileError.self) { try parse(text) } }

    @Test func `fields have a number`() throws {
        func file(_ count: Int) -> String {
            let fields = (0..<count).map { "{\"name\": \"field\($0)\", \"type\": \"number\"}" }.joined(separator: ",")
            return "{\"name\":\"Many\",\"queue\":\"q\",\"table\":\"many\",\"partition\":\"day\",\"fields\":[\(fields)]}"
        }
        #expect(try parse(file(32)).fields.count == 32)
        for count in [0, 33] {
            let error = #expect(throws: KindFileError.self) { try parse(file(count)) }
            #expect(error?.reason == "fields: expected 1 to 32, found \(count)")
        }
    }

    @Test(arguments: ["first", "latest", "latest:closed"]) func `rules of versions`(_ text: String) throws {
        let file = Self.good.replacing("\"month\",", with: "\"month\", \"versions\": \"\(text)\",")
        #expect(try parse(file).versions.text == text)
    }

    @Test func `a sample is a record`() throws {
        for kind in try RecordKind.builtIn + [parse(Self.good)] {
            let body = Array(kind.sample().utf8)
            var batch = PreparedBatch(bytes: body, kinds: [kind])
            batch.add(body: body.indices, kind: 0, maximumBytes: 1 << 20)
            #expect(batch.records.count == 1, "\(kind.name): \(batch.refused.first?.refusal.detail ?? "")")
        }
    }
}
