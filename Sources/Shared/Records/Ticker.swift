extension RecordKind {
    /// The summary of a market's last day. Exchanges leave out what they don't know: any field may be missing or null.
    public static let ticker = RecordKind(
        name: "Ticker",
        queue: "database-writer.ticker",
        table: "tickers",
        fields: [
            number("high"), number("low"),
            number("bid"), number("bidVolume", "bid_volume"), number("ask"), number("askVolume", "ask_volume"),
            number("vwap"), number("open"), number("close"), number("last"),
            number("previousClose", "previous_close"), number("change"), number("percentage"), number("average"),
            number("baseVolume", "base_volume"), number("quoteVolume", "quote_volume"),
        ])

    private static func number(_ name: String, _ column: String? = nil) -> Field {
        Field(name, column: column ?? name, sqlType: "double precision", .optionalNumber)
    }
}
