import Records

extension BadMessage {
    /// Made to overflow the stack of a decoder that calls itself.
    static var deep: [BadMessage] {
        let levels = 200_000
        func nested(_ opening: String, _ closing: String) -> String {
            String(repeating: opening, count: levels) + "1" + String(repeating: closing, count: levels)
        }
        return [
            BadMessage("arrays 200,000 deep", .tooDeep, GoodMessage.with(#""charts":[],"x":\#(nested("[", "]"))"#)),
            BadMessage("objects 200,000 deep", .tooDeep, GoodMessage.with(#""x":\#(nested(#"{"a":"#, "}"))"#)),
            BadMessage("arrays 200,000 deep as charts", .tooDeep, GoodMessage.candles(nested("[[0,", "]]"))),
            BadMessage("opened 200,000 times", .notJSON, String(repeating: "[", count: levels)),
            BadMessage("opened 200,000 times inside", .tooDeep, #"{"x":"# + String(repeating: "[", count: levels)),
        ]
    }

    /// Made to cost memory or time.
    static var huge: [BadMessage] {
        let digits = String(repeating: "7", count: 100_000)
        func padded(_ bytes: Int) -> [UInt8] {
            let body = Array(GoodMessage.text.utf8)
            return body + [UInt8](repeating: 0x20, count: bytes - body.count)
        }
        return [
            BadMessage("50 MB", .tooLarge, padded(50_000_000)),
            BadMessage("50 MB of zeros", .tooLarge, [UInt8](repeating: 0, count: 50_000_000)),
            BadMessage("a byte too long", .tooLarge, padded(defaultLimit + 1)),
            BadMessage("market of 100,000 digits", .wrongType, GoodMessage.keyed("0", "60000", digits)),
            BadMessage("time of 100,000 digits", .wrongType, GoodMessage.keyed(digits, "60000")),
            BadMessage("price of 100,000 digits", .outOfRange, GoodMessage.candles("[[0,\(digits),2,1,1,0]]")),
            BadMessage(
                "pool of 100,000 digits", .outOfRange,
                GoodMessage.with(#""poolASize":"\#(digits)","poolBSize":2,"exchangeRate":0.5"#), .exchangeRate),
            BadMessage(
                "exponent of 100,000 digits", .outOfRange, GoodMessage.with(#""last":1e\#(digits)"#), .ticker),
            BadMessage(
                "100,000 short rows and a long one", .outOfRange,
                GoodMessage.candles(
                    "[" + String(repeating: "[0,1,2,1,1,0],", count: 100_000)
                        + "[0\(String(repeating: ",1", count: 100_000))]]")),
        ]
    }
}
