extension RecordKind {
    /// The two sides of a liquidity pool and the rate between them, exact decimals of any length.
    public static let exchangeRate = RecordKind(
        name: "ExchangeRate",
        queue: "database-writer.exchange-rate",
        table: "exchange_rates",
        fields: [
            Field("poolASize", column: "pool_a_size", sqlType: "numeric", .exactDecimal),
            Field("poolBSize", column: "pool_b_size", sqlType: "numeric", .exactDecimal),
            Field("exchangeRate", column: "exchange_rate", sqlType: "numeric", .exactDecimal),
        ])
}
