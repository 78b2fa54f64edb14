import Records

extension BadMessage {
    private static let names = #""exchange":"e","symbol":"s""#

    /// What lies around the payload.
    static let envelopes: [BadMessage] = [
        BadMessage("nothing in it", .missingField, "{}"),
        BadMessage("no exchange", .missingField, GoodMessage.text.replacing("exchange", with: "Exchange")),
        BadMessage("no symbol", .missingField, GoodMessage.text.replacing("symbol", with: "pair")),
        BadMessage("no payload", .missingField, "{\(names)}"),
        BadMessage("exchange null", .wrongType, GoodMessage.text.replacing(#""binance""#, with: "null")),
        BadMessage("exchange a number", .wrongType, GoodMessage.text.replacing(#""binance""#, with: "7")),
        BadMessage("symbol an object", .wrongType, GoodMessage.text.replacing(#""BTC/USDT""#, with: "{}")),
        BadMessage(
            "trace id a number", .wrongType, GoodMessage.with(#""charts":[]"#, beside: #""collectorTraceId":1"#)),
        BadMessage("payload null", .wrongType, #"{\#(names),"payload":null}"#),
        BadMessage("payload an array", .wrongType, #"{\#(names),"payload":[]}"#),
        BadMessage("payload as text", .wrongType, #"{\#(names),"payload":"{\"charts\":[]}"}"#),
    ]

    /// The idempotency key.
    static let keys: [BadMessage] = [
        BadMessage(
            "no market", .missingField, #"{\#(names),"payload":{"intervalStart":1,"intervalEnd":2,"charts":[]}}"#),
        BadMessage("no start", .missingField, #"{\#(names),"payload":{"intervalEnd":2,"marketId":1,"charts":[]}}"#),
        BadMessage("no end", .missingField, #"{\#(names),"payload":{"intervalStart":1,"marketId":1,"charts":[]}}"#),
        BadMessage("market null", .wrongType, GoodMessage.keyed("0", "60000", "null")),
        BadMessage("market as text", .wrongType, GoodMessage.keyed("0", "60000", #""69""#)),
        BadMessage("market a fraction", .wrongType, GoodMessage.keyed("0", "60000", "69.5")),
        BadMessage("market true", .wrongType, GoodMessage.keyed("0", "60000", "true")),
        BadMessage("market 0", .outOfRange, GoodMessage.keyed("0", "60000", "0")),
        BadMessage("market -0", .outOfRange, GoodMessage.keyed("0", "60000", "-0")),
        BadMessage("market negative", .outOfRange, GoodMessage.keyed("0", "60000", "-1")),
        BadMessage("market of 32 bits", .outOfRange, GoodMessage.keyed("0", "60000", "2147483648")),
        BadMessage("market 1e9 times too large", .outOfRange, GoodMessage.keyed("0", "60000", "1e18")),
        BadMessage("market of 64 bits", .wrongType, GoodMessage.keyed("0", "60000", "18446744073709551616")),
        BadMessage("end before start", .outOfRange, GoodMessage.keyed("60000", "0")),
        BadMessage("end at start", .outOfRange, GoodMessage.keyed("60000", "60000")),
        BadMessage("end at start, in two forms", .outOfRange, GoodMessage.keyed("0", #""1970-01-01T00:00:00Z""#)),
    ]

    /// Times that are none, or not a market's.
    static let times: [BadMessage] = [
        BadMessage("time in microseconds", .outOfRange, GoodMessage.keyed("0", "1702305600000000")),
        BadMessage("time in the year 2100", .outOfRange, GoodMessage.keyed("0", "4102444800000")),
        BadMessage("time in the year 1899", .outOfRange, GoodMessage.keyed("-2208988800001", "0")),
        BadMessage("time in the year 294277", .outOfRange, GoodMessage.keyed("0", "9224318015999999")),
        BadMessage("time of the year 9999 as text", .outOfRange, GoodMessage.keyed("0", #""9999-12-31T23:59:59Z""#)),
        BadMessage("interval in seconds", .outOfRange, GoodMessage.keyed("1702305540", "1702305600")),
        BadMessage("start in seconds", .outOfRange, GoodMessage.keyed("1702305540", "1702305600000")),
        BadMessage("interval of the year 1989", .outOfRange, GoodMessage.keyed("631151999999", "631152059999")),
        BadMessage("interval of two years", .outOfRange, GoodMessage.keyed("1640995200000", "1704067200000")),
        BadMessage("interval of the year 2090", .outOfRange, GoodMessage.keyed("3786912000000", "3786912060000")),
        BadMessage("half a millisecond", .wrongType, GoodMessage.keyed("0", "60000.5")),
        BadMessage("time beyond 64 bits", .wrongType, GoodMessage.keyed("0", "1e30")),
        BadMessage("leap second", .wrongType, GoodMessage.keyed("0", #""2016-12-31T23:59:60Z""#)),
        BadMessage("hour 24", .wrongType, GoodMessage.keyed("0", #""2016-12-31T24:00:00Z""#)),
        BadMessage("30 February", .wrongType, GoodMessage.keyed("0", #""2016-02-30T00:00:00Z""#)),
        BadMessage("29 February 2100", .wrongType, GoodMessage.keyed("0", #""2100-02-29T00:00:00Z""#)),
        BadMessage("time without a zone", .wrongType, GoodMessage.keyed("0", #""2023-12-11T14:39:00""#)),
        BadMessage("date alone", .wrongType, GoodMessage.keyed("0", #""2023-12-11""#)),
        BadMessage("year of six digits", .wrongType, GoodMessage.keyed("0", #""+12023-12-11T14:39:00Z""#)),
        BadMessage("infinity", .wrongType, GoodMessage.keyed("0", #""infinity""#)),
        BadMessage("now", .wrongType, GoodMessage.keyed("0", #""now""#)),
        BadMessage("milliseconds as text", .wrongType, GoodMessage.keyed("0", #""1702305600000""#)),
        BadMessage("time null", .wrongType, GoodMessage.keyed("0", "null")),
        BadMessage("time an array", .wrongType, GoodMessage.keyed("0", "[2023,12,11]")),
    ]

    /// Markets that nobody has imported; the decoder takes them, the writer does not.
    static let unknownMarkets: [BadMessage] = [
        BadMessage("unknown market", .unknownMarket, GoodMessage.keyed("1702305540000", "1702305600000", "2147483647")),
        BadMessage(
            "unknown market of trades", .unknownMarket,
            GoodMessage.with(
                #""tradesInfo":[]"#,
                key: #""intervalStart":1702305540000,"intervalEnd":1702305600000,"marketId":2147483646"#), .trade),
    ]
}
