import Records

extension BadMessage {
    static let candles: [BadMessage] = [
        BadMessage("no charts", .missingField, GoodMessage.with(#""chart":[]"#)),
        BadMessage("charts null", .wrongType, GoodMessage.candles("null")),
        BadMessage("charts an object", .wrongType, GoodMessage.candles("{}")),
        BadMessage("charts flat", .wrongType, GoodMessage.candles(GoodMessage.candle)),
        BadMessage("candle an object", .wrongType, GoodMessage.candles(#"[{"t":1702305540000}]"#)),
        BadMessage("candle empty", .missingField, GoodMessage.candles("[[]]")),
        BadMessage("candle of five", .missingField, GoodMessage.candles("[[1702305540000,1,2,1,1]]")),
        BadMessage("second candle of one", .missingField, GoodMessage.candles("[\(GoodMessage.candle),[0]]")),
        BadMessage("candle of 33", .outOfRange, GoodMessage.candles("[[0\(String(repeating: ",1", count: 32))]]")),
        BadMessage("open time null", .wrongType, GoodMessage.candles("[[null,1,2,1,1,0]]")),
        BadMessage("open time a fraction", .outOfRange, GoodMessage.candles("[[0.5,1,2,1,1,0]]")),
        BadMessage("candle null", .wrongType, GoodMessage.candles("[null]")),
        BadMessage("open time in seconds", .outOfRange, GoodMessage.candles("[[1702305540,1,2,1,1,0]]")),
        BadMessage("open time a day off", .outOfRange, GoodMessage.candles("[[1702391940000,1,2,1,1,0]]")),
        BadMessage(
            "second open time off", .outOfRange,
            GoodMessage.candles("[\(GoodMessage.candle),[1702305479999,1,2,1,1,0]]")),
        BadMessage("open time in nanoseconds", .outOfRange, GoodMessage.candles("[[1702305540000000000,1,2,1,1,0]]")),
        BadMessage("open time as text", .wrongType, GoodMessage.candles(#"[["2023-12-11T14:39:00Z",1,2,1,1,0]]"#)),
        BadMessage("price as text", .wrongType, GoodMessage.candles(#"[[0,"1",2,1,1,0]]"#)),
        BadMessage("price true", .wrongType, GoodMessage.candles("[[0,true,2,1,1,0]]")),
        BadMessage("price an array", .wrongType, GoodMessage.candles("[[0,[1],2,1,1,0]]")),
        BadMessage("price too large for a double", .outOfRange, GoodMessage.candles("[[0,1e400,2,1,1,0]]")),
        BadMessage("price too small for a double", .outOfRange, GoodMessage.candles("[[0,1e-400,2,1,1,0]]")),
        BadMessage("price of 131072 digits", .outOfRange, GoodMessage.candles("[[0,1e131071,2,1,1,0]]")),
        BadMessage("high below low", .outOfRange, GoodMessage.candles("[[0,1,2,3,1,0]]")),
        BadMessage("volume negative", .outOfRange, GoodMessage.candles("[[0,1,2,1,1,-0.5]]")),
    ]

    static let offers: [BadMessage] = [
        BadMessage("no asks", .missingField, GoodMessage.with(#""bids":[]"#), .orderBook),
        BadMessage("no bids", .missingField, GoodMessage.with(#""asks":[]"#), .orderBook),
        BadMessage("bids an object", .wrongType, GoodMessage.with(#""bids":{},"asks":[]"#), .orderBook),
        BadMessage("offer of one", .missingField, GoodMessage.with(#""bids":[[1]],"asks":[]"#), .orderBook),
        BadMessage("bids null", .wrongType, GoodMessage.with(#""bids":null,"asks":[]"#), .orderBook),
        BadMessage("amount negative", .outOfRange, GoodMessage.with(#""bids":[],"asks":[[1,-2]]"#), .orderBook),
        BadMessage("offers as text", .wrongType, GoodMessage.with(#""bids":[["1","2"]],"asks":[]"#), .orderBook),
        BadMessage("candles for offers", .missingField, GoodMessage.text, .orderBook),
    ]

    static let tickers: [BadMessage] = [
        BadMessage("last as text", .wrongType, GoodMessage.with(#""last":"42000""#), .ticker),
        BadMessage("last an array", .wrongType, GoodMessage.with(#""last":[42000]"#), .ticker),
        BadMessage("last false", .wrongType, GoodMessage.with(#""last":false"#), .ticker),
        BadMessage("last too large", .outOfRange, GoodMessage.with(#""last":1.8e308"#), .ticker),
        BadMessage(
            "ticker without a key", .missingField, #"{"exchange":"e","symbol":"s","payload":{"last":1}}"#, .ticker),
    ]

    static let trades: [BadMessage] = [
        BadMessage("no trades", .missingField, GoodMessage.with(#""trades":[]"#), .trade),
        BadMessage("trades a number", .wrongType, GoodMessage.with(#""tradesInfo":0"#), .trade),
        BadMessage("trade of three", .missingField, GoodMessage.with(#""tradesInfo":[[0,1,1]]"#), .trade),
        BadMessage("side 2", .outOfRange, GoodMessage.with(#""tradesInfo":[[2,1,1,0]]"#), .trade),
        BadMessage("side as text", .wrongType, GoodMessage.with(#""tradesInfo":[["buy",1,1,0]]"#), .trade),
        BadMessage("trade of a negative amount", .outOfRange, GoodMessage.with(#""tradesInfo":[[0,1,-1,0]]"#), .trade),
        BadMessage("trade time null", .wrongType, GoodMessage.with(#""tradesInfo":[[0,1,1,null]]"#), .trade),
        BadMessage(
            "trade time in seconds", .outOfRange, GoodMessage.with(#""tradesInfo":[[0,1,1,1702305541]]"#), .trade),
        BadMessage(
            "trade time in 2100", .outOfRange, GoodMessage.with(#""tradesInfo":[[0,1,1,4102444800000]]"#), .trade),
    ]

    static let rates: [BadMessage] = [
        BadMessage("no rate", .missingField, GoodMessage.with(#""poolASize":1,"poolBSize":2"#), .exchangeRate),
        BadMessage("pool null", .wrongType, rate("null"), .exchangeRate),
        BadMessage("pool NaN", .wrongType, rate(#""NaN""#), .exchangeRate),
        BadMessage("pool Infinity", .wrongType, rate(#""Infinity""#), .exchangeRate),
        BadMessage("pool empty", .wrongType, rate(#""""#), .exchangeRate),
        BadMessage("pool with a space", .wrongType, rate(#"" 1""#), .exchangeRate),
        BadMessage("pool with a plus", .wrongType, rate(#""+1""#), .exchangeRate),
        BadMessage("pool with commas", .wrongType, rate(#""1,000""#), .exchangeRate),
        BadMessage("pool hexadecimal", .wrongType, rate(#""0x1f""#), .exchangeRate),
        BadMessage("pool in other digits", .wrongType, rate(#""١٢٣""#), .exchangeRate),
        BadMessage("pool of 161 digits", .outOfRange, rate(String(repeating: "9", count: 161)), .exchangeRate),
        BadMessage("pool of 161 digits as text", .outOfRange, rate("\"0.\(zeros(160))1\""), .exchangeRate),
        BadMessage("pool 1e131071", .outOfRange, rate("1e131071"), .exchangeRate),
        BadMessage("pool 1e-131071 as text", .outOfRange, rate(#""1e-131071""#), .exchangeRate),
    ]

    /// Texts that would do harm if they reached SQL, a log line or a shell.
    static let injections: [BadMessage] = [
        BadMessage("SQL as a market", .wrongType, GoodMessage.keyed("0", "60000", #""1); DROP TABLE markets; --""#)),
        BadMessage("SQL as a time", .wrongType, GoodMessage.keyed("0", #""'; DELETE FROM outbox; --""#)),
        BadMessage("array text as a price", .wrongType, GoodMessage.candles(#"[[0,"1},{NULL",2,1,1,0]]"#)),
        BadMessage("escaped quote as a number", .wrongType, rate(#""1\", \"2""#), .exchangeRate),
        BadMessage("terminal escapes as a time", .wrongType, GoodMessage.keyed("0", #""\u001b[2J\u0007""#)),
        BadMessage("format as a time", .wrongType, GoodMessage.keyed("0", #""%s%n%x $(id) `id` ${HOME}""#)),
    ]

    private static func rate(_ poolA: String) -> String {
        GoodMessage.with(#""poolASize":\#(poolA),"poolBSize":2,"exchangeRate":0.5"#)
    }

    private static func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }
}
