public import Records

/// Messages that can't be records, each with the reason for which it must be refused. What is added here is tested, is
/// sent by the load generator if it is small, and seeds the fuzzer.
public struct BadMessage: Sendable {
    /// Unique among ``all``.
    public let name: String
    /// The kind whose queue it comes from.
    public let kind: RecordKind
    /// The reason code that quarantine must show.
    public let reason: Refusal.Reason
    /// The exact bytes.
    public let body: [UInt8]

    init(_ name: String, _ reason: Refusal.Reason, _ body: [UInt8], _ kind: RecordKind = .candleStick) {
        (self.name, self.kind, self.reason, self.body) = (name, kind, reason, body)
    }

    init(_ name: String, _ reason: Refusal.Reason, _ body: String, _ kind: RecordKind = .candleStick) {
        self.init(name, reason, Array(body.utf8), kind)
    }

    /// The limit for bodies, as the writer has it by default.
    public static let defaultLimit = 8 << 20

    /// Those of at most some kilobytes.
    public static let small: [BadMessage] =
        notOneText + notOneMeaning + envelopes + keys + times + candles + offers + tickers + trades + rates
        + injections + unknownMarkets

    /// Those that are made to cost memory, stack or time.
    public static var large: [BadMessage] { deep + huge }

    public static var all: [BadMessage] { small + large }
}

/// A message that is good; parts of it are replaced to make it bad.
enum GoodMessage {
    static let key = #""intervalStart":1702305540000,"intervalEnd":1702305600000,"marketId":69"#
    static let candle = "[1702305540000,42000.03,42016.11,41972.83,41988.89,107.70167]"

    /// A message with these fields in `payload`.
    static func with(_ fields: String, key: String = key, beside: String = #""collectorTraceId":"9f8a1c2d""#) -> String
    {
        #"{"exchange":"binance","symbol":"BTC/USDT","payload":{\#(fields),\#(key)},\#(beside)}"#
    }

    /// A message of candles with another key.
    static func keyed(_ start: String, _ end: String, _ market: String = "69") -> String {
        with(#""charts":[]"#, key: #""intervalStart":\#(start),"intervalEnd":\#(end),"marketId":\#(market)"#)
    }

    static func candles(_ rows: String) -> String { with(#""charts":\#(rows)"#) }

    static let text = candles("[\(candle)]")
}
