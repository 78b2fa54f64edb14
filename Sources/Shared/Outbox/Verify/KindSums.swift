/// What records of a kind and their outbox rows have in common if each has the other: their number, and the sum of the
/// hashes of their keys. That two different sets of keys agree in both has a chance of 1 in 2^64; it saves a join of
/// everything with everything.
struct KindSums: Sendable, Equatable {
    /// Records that must have an outbox row, or outbox rows of such records.
    struct Sum: Sendable, Equatable {
        var count: Int64 = 0
        var hashes: Int128 = 0

        mutating func add(_ more: Sum) {
            count += more.count
            hashes &+= more.hashes
        }
    }

    var records = Sum()
    var rows = Sum()
    /// Outbox rows that are as old as the newest one that was dropped.
    var oldRows: Int64 = 0

    var match: Bool { records == rows }
}
