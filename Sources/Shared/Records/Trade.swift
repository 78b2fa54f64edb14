extension RecordKind {
    /// What was traded in one interval: `[side, price, amount, timeMs, …]`, side 0 for a purchase, 1 for a sale.
    /// What the exchange did not say (the side, often) is null; the time is always there.
    public static let trade = RecordKind(
        name: "Trade",
        queue: "database-writer.trade",
        table: "trades",
        fields: [
            Field(
                "tradesInfo", column: "trades_info", sqlType: "double precision[]",
                .rows(
                    RowRule(minimumWidth: 4, timeIndex: 3, allowsNull: true, allowsNullRows: true) { row in
                        if !row[0].isNaN, row[0] != 0 && row[0] != 1 {
                            return "side \(row[0]) is neither 0 (buy) nor 1 (sell)"
                        }
                        if row[2] < 0 { return "amount \(row[2]) is negative" }
                        return nil
                    }))
        ])
}
