extension RecordKind {
    /// Candles of one interval: `[openTimeMs, open, high, low, close, volume, …]`. The exchanges behind the collectors
    /// send more elements, and null where nothing traded; both are stored.
    public static let candleStick = RecordKind(
        name: "CandleStick",
        queue: "database-writer.candle-stick",
        table: "candle_sticks",
        fields: [
            Field(
                "charts", column: "charts", sqlType: "double precision[]",
                .rows(
                    RowRule(minimumWidth: 6, timeIndex: 0, allowsNull: true) { row in
                        if row[2] < row[3] { return "high \(row[2]) is below low \(row[3])" }
                        if row[5] < 0 { return "volume \(row[5]) is negative" }
                        return nil
                    }))
        ])
}
