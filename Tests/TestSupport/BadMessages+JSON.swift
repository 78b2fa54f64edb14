import Records

extension BadMessage {
    private static let good = Array(GoodMessage.text.utf8)

    /// Bodies that are not one JSON object.
    static let notOneText: [BadMessage] = [
        BadMessage("empty", .notJSON, ""),
        BadMessage("white space", .notJSON, " \r\n\t "),
        BadMessage("words", .notJSON, "hello, world"),
        BadMessage("binary", .notJSON, [0x00, 0xFF, 0x80, 0xFE, 0x01]),
        BadMessage("gzip", .notJSON, [0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xFF]),
        BadMessage("array", .notJSON, "[\(GoodMessage.text)]"),
        BadMessage("string", .notJSON, #""{}""#),
        BadMessage("null", .notJSON, "null"),
        BadMessage("cut off", .notJSON, Array(good.dropLast(1))),
        BadMessage("cut in half", .notJSON, Array(good.prefix(good.count / 2))),
        BadMessage("bytes after the end", .notJSON, good + Array("}".utf8)),
        BadMessage("two messages", .notJSON, good + good),
        BadMessage("zero after the end", .notJSON, good + [0]),
        BadMessage("byte order mark", .notJSON, [0xEF, 0xBB, 0xBF] + good),
        BadMessage("UTF-16", .notJSON, good.flatMap { [$0, 0] }),
        BadMessage("cut in a character", .notJSON, Array(GoodMessage.with(#""charts":[],"x":"€""#).utf8.prefix(68))),
        BadMessage("overlong encoding", .notJSON, beside([0xC0, 0xAF])),
        BadMessage("surrogate in UTF-8", .notJSON, beside([0xED, 0xA0, 0x80])),
        BadMessage("beyond Unicode", .notJSON, beside([0xF4, 0x90, 0x80, 0x80])),
        BadMessage("continuation alone", .notJSON, beside([0xBF])),
        BadMessage("zero byte in a string", .notJSON, beside([0])),
        BadMessage("line feed in a string", .notJSON, beside([0x0A])),
        BadMessage("escaped zero", .notJSON, GoodMessage.with(#""charts":[],"x":"a\u0000b""#)),
        BadMessage("lone high surrogate", .notJSON, GoodMessage.with(#""charts":[],"x":"\ud83d""#)),
        BadMessage("lone low surrogate", .notJSON, GoodMessage.with(#""charts":[],"x":"\ude00\ud83d""#)),
        BadMessage("unknown escape", .notJSON, GoodMessage.with(#""charts":[],"x":"\'""#)),
        BadMessage("trailing comma", .notJSON, GoodMessage.candles("[\(GoodMessage.candle),]")),
        BadMessage("comment", .notJSON, GoodMessage.with(#"/* candles */"charts":[]"#)),
        BadMessage("single quotes", .notJSON, GoodMessage.text.replacing("\"", with: "'")),
        BadMessage("unquoted key", .notJSON, GoodMessage.with("charts:[]")),
        BadMessage("leading zero", .notJSON, GoodMessage.keyed("0", "060000")),
        BadMessage("leading plus", .notJSON, GoodMessage.keyed("0", "60000", "+69")),
        BadMessage("point without digits", .notJSON, GoodMessage.with(#""high":1."#), .ticker),
        BadMessage("hexadecimal", .notJSON, GoodMessage.with(#""high":0x1F"#), .ticker),
        BadMessage("NaN", .notJSON, GoodMessage.candles("[[1702305540000,NaN,2,1,1,0]]")),
        BadMessage("Infinity", .notJSON, GoodMessage.with(#""last":Infinity"#), .ticker),
        BadMessage("minus Infinity", .notJSON, GoodMessage.with(#""last":-Infinity"#), .ticker),
        BadMessage("undefined", .notJSON, GoodMessage.with(#""last":undefined"#), .ticker),
    ]

    /// JSON that two readers may understand in two ways.
    static let notOneMeaning: [BadMessage] = [
        BadMessage("market twice", .duplicateField, GoodMessage.with(#""charts":[],"marketId":70"#)),
        BadMessage("market twice, equal", .duplicateField, GoodMessage.with(#""charts":[],"marketId":69"#)),
        BadMessage("market twice, escaped", .duplicateField, GoodMessage.with(#""charts":[],"market\u0049d":70"#)),
        BadMessage("charts twice", .duplicateField, GoodMessage.with(#""charts":[],"charts":[]"#)),
        BadMessage("time twice", .duplicateField, GoodMessage.with(#""charts":[],"intervalEnd":1702305600000"#)),
        BadMessage("payload twice", .duplicateField, GoodMessage.with(#""charts":[]"#, beside: #""payload":{}"#)),
        BadMessage("exchange twice", .duplicateField, GoodMessage.with(#""charts":[]"#, beside: #""exchange":"x""#)),
        BadMessage(
            "trace id twice", .duplicateField,
            GoodMessage.with(#""charts":[]"#, beside: #""collectorTraceId":null,"collectorTraceId":"a""#)),
        BadMessage("price twice", .duplicateField, GoodMessage.with(#""last":1,"last":2"#), .ticker),
        BadMessage("bids twice", .duplicateField, GoodMessage.with(#""bids":[],"asks":[],"bids":[]"#), .orderBook),
        BadMessage("trades twice", .duplicateField, GoodMessage.with(#""tradesInfo":[],"tradesInfo":[]"#), .trade),
        BadMessage("rate twice", .duplicateField, GoodMessage.with(#""poolASize":1,"poolASize":1"#), .exchangeRate),
        BadMessage("nested 65 deep", .tooDeep, nested(65)),
        BadMessage("nested 65 deep beside payload", .tooDeep, besidePayload(65)),
    ]

    /// A message with these bytes in a string of an unknown field.
    private static func beside(_ bytes: [UInt8]) -> [UInt8] {
        let parts = GoodMessage.with(#""charts":[],"x":"|""#).split(separator: "|")
        return Array(parts[0].utf8) + bytes + Array(parts[1].utf8)
    }

    /// An unknown field of the payload, as deep in all.
    private static func nested(_ depth: Int) -> String {
        GoodMessage.with(#""charts":[],"x":\#(brackets(depth - 2))"#)
    }

    private static func besidePayload(_ depth: Int) -> String {
        GoodMessage.with(#""charts":[]"#, beside: #""x":\#(brackets(depth - 1))"#)
    }

    private static func brackets(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
}
