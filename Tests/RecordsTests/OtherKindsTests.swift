import Testing

@testable import Records

@Suite struct OtherKindsTests {
    private func columns(_ kind: RecordKind, _ fields: String) throws(Refusal) -> [String: String] {
        try decode(message(fields), as: kind).columns
    }

    private func reason(_ kind: RecordKind, _ fields: String) -> Refusal.Reason? {
        refusal(of: message(fields), as: kind)?.reason
    }

    @Test func `order book`() throws {
        #expect(
            try columns(.orderBook, #""bids":[[42000.1,0.5],[42000,1]],"asks":[[42001,2]]"#)
                == ["bids": "{{42000.1,0.5},{42000,1}}", "asks": "{{42001,2}}"])
        #expect(try columns(.orderBook, #""asks":[],"bids":[]"#) == ["bids": "{}", "asks": "{}"])
        #expect(
            try columns(.orderBook, #""bids":[[1,2,1702305540],[1,0]],"asks":[]"#)
                == ["bids": "{{1,2,1702305540},{1,0,NULL}}", "asks": "{}"])
        #expect(reason(.orderBook, #""bids":[]"#) == .missingField)
        #expect(reason(.orderBook, #""bids":[[1]],"asks":[]"#) == .missingField)
        #expect(
            try columns(.orderBook, #""bids":[[1,null],null,[2,3,4]],"asks":[null]"#)
                == ["bids": "{{1,NULL,NULL},{NULL,NULL,NULL},{2,3,4}}", "asks": "{{NULL,NULL}}"])
        #expect(reason(.orderBook, #""bids":null,"asks":[]"#) == .wrongType)
        #expect(reason(.orderBook, #""bids":[],"asks":[[1,-1]]"#) == .outOfRange)
    }

    @Test func trade() throws {
        #expect(
            try columns(.trade, #""tradesInfo":[[0,42000.1,0.25,1702305541000],[1,42000,1,1702305542000]]"#)
                == ["trades_info": "{{0,42000.1,0.25,1702305541000},{1,42000,1,1702305542000}}"])
        #expect(try columns(.trade, #""tradesInfo":[]"#) == ["trades_info": "{}"])
        #expect(
            try columns(.trade, #""tradesInfo":[[1.0,1,1,1.70230554e12,5]]"#)
                == ["trades_info": "{{1.0,1,1,1.70230554e12,5}}"])
        #expect(
            try columns(.trade, #""tradesInfo":[[null,1,null,1702305540000],null,[0,null,1,1702305540000]]"#)
                == ["trades_info": "{{NULL,1,NULL,1702305540000},{NULL,NULL,NULL,NULL},{0,NULL,1,1702305540000}}"])
        for row in [
            "[2,1,1,0]", "[-1,1,1,0]", "[0.5,1,1,0]", "[0,1,-1,0]", "[0,1,1,0.5]", "[0,1,1,1e15]", "[0,1,1,1702305541]",
        ] {
            #expect(reason(.trade, #""tradesInfo":[\#(row)]"#) == .outOfRange, "\(row)")
        }
        for row in [
            "[0,1,1,null]", "7", "{}", "[\"buy\",1,1,0]", "[0,1,1,\"2023-12-11T14:39:00Z\"]",
        ] {
            #expect(reason(.trade, #""tradesInfo":[\#(row)]"#) == .wrongType, "\(row)")
        }
        #expect(reason(.trade, #""tradesInfo":[[0,1,1]]"#) == .missingField)
    }

    @Test func `ticker, every field`() throws {
        let fields = RecordKind.ticker.fields.enumerated().map { #""\#($1.name)":\#($0).5"# }
        for order in [fields, fields.reversed()] {
            let columns = try columns(.ticker, order.joined(separator: ","))
            for (index, field) in RecordKind.ticker.fields.enumerated() {
                #expect(columns[field.column] == "\(index).5")
            }
        }
        #expect(
            RecordKind.ticker.fields.map(\.name).joined(separator: " ")
                == "high low bid bidVolume ask askVolume vwap open close last previousClose change percentage average "
                + "baseVolume quoteVolume")
    }

    @Test func `ticker, missing and null`() throws {
        #expect(try columns(.ticker, #""info":{}"#) == [:])
        #expect(
            try columns(.ticker, #""high":null,"low":1,"bid":null,"change":-2.5"#) == ["low": "1", "change": "-2.5"])
        #expect(reason(.ticker, #""high":"1""#) == .wrongType)
        #expect(reason(.ticker, #""high":1e309"#) == .outOfRange)
        #expect(reason(.ticker, #""high":null,"high":null"#) == .duplicateField)
    }

    private func rate(_ value: String) -> String { #""poolASize":\#(value),"poolBSize":"1","exchangeRate":2"# }

    @Test(
        arguments: [
            ("1", "1"), (#""1""#, "1"), (#""-0.50""#, "-0.50"), ("1e-18", "1e-18"), (#""1E+2""#, "1E+2"),
            (#""1e\u002b2""#, "1e+2"),
            (#""\u0031\u0032""#, "12"), ("1e400", nil), ("0.1234567890123456789012345678901234567890123456789", "="),
            ("115792089237316195423570985008687907853269984665640564039457584007913129639935.000000000000000001", "="),
            (String(repeating: "9", count: 160), "="), (String(repeating: "9", count: 161), nil), ("1e159", "1e159"),
            ("1e160", nil),
            ("1e-159", "1e-159"), ("1e-160", nil), ("0e-99999", nil), ("1e131071", nil), (#""1e131071""#, nil),
            ("123456789e152", nil), ("0." + String(repeating: "0", count: 159), "="),
        ] as [(String, String?)])
    func `exact decimals`(_ json: String, _ text: String?) throws {
        if let text {
            #expect(try columns(.exchangeRate, rate(json))["pool_a_size"] == (text == "=" ? json : text))
        } else {
            #expect(reason(.exchangeRate, rate(json)) == .outOfRange)
        }
    }

    @Test(arguments: [
        "null", "true", "[1]", #""""#, #"" 1""#, #""1 ""#, #""1,5""#, #""0x10""#, #""NaN""#, #""Infinity""#, #""+1""#,
        #""1e""#,
        #""01""#, #""1;drop table markets""#, #""\u00e9""#,
    ])
    func `no exact decimal`(_ json: String) { #expect(reason(.exchangeRate, rate(json)) == .wrongType) }

    @Test func `every field of an exchange rate is needed`() {
        #expect(reason(.exchangeRate, #""poolASize":1,"poolBSize":1"#) == .missingField)
    }
}
