extension RecordKind {
    /// The best offers at one moment: `bids` and `asks`, each an array of `[price, amount, …]`.
    /// Exchanges now and then send null for one of them, or for an offer: the others are worth having.
    public static let orderBook = RecordKind(
        name: "OrderBook",
        queue: "database-writer.order-book",
        table: "order_books",
        fields: [
            Field("bids", column: "bids", sqlType: "double precision[]", .rows(offers)),
            Field("asks", column: "asks", sqlType: "double precision[]", .rows(offers)),
        ])

    private static let offers = RowRule(minimumWidth: 2, allowsNull: true, allowsNullRows: true) { row in
        row[1] < 0 ? "amount \(row[1]) is negative" : nil
    }
}
