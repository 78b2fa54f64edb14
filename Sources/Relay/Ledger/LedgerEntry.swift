/// A lane's next link in the ledger's chain.
struct LedgerEntry: Sendable, Equatable {
    let lane: Int
    let afterID: Int64
    let upToID: Int64
    let rows: Int
    /// Those of the rows that were not published.
    var excepted: [Int64] = []
    /// When the first of the rows left. Two entries that differ in this alone are the same.
    var publishedAt: ContinuousClock.Instant?

    static func == (one: Self, other: Self) -> Bool {
        one.lane == other.lane && one.afterID == other.afterID && one.upToID == other.upToID
            && one.rows == other.rows && one.excepted == other.excepted
    }
}
