extension OutboxRow {
    /// A row that was not published before.
    init(
        id: Int64, series: Series, createdAt: Int64, isPossiblyRedelivered: Bool, bodyBytes: Int, answer: OutboxAnswer,
        position: Int
    ) {
        self.init(
            id: id, series: series, createdAt: createdAt, isPossiblyRedelivered: isPossiblyRedelivered, attempt: 1,
            bodyBytes: bodyBytes, answer: answer, position: position)
    }
}
