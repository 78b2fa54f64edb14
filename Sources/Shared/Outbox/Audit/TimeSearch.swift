/// Finds ids by time: `created_at` rises with the id, up to the length of a writer's transaction, so that a few looks at
/// rows tell where a time lies in the log. Interpolates, and halves now and then in case the load was uneven.
struct TimeSearch: Sendable {
    /// A writer's transaction that took longer than this from its begin to its outbox rows may be missed at the edge of a
    /// span of time.
    static let longestTransaction: Int64 = 60_000_000

    /// So many ids too many cost less than another look. More than a writer's batch, whose rows all have one time.
    static let slack: Int64 = 2048

    private let wanted: Int64
    private var lowTime: Int64
    private var highTime: Int64
    private var steps = 0
    private var movedLow = false

    /// Rows up to here are older than the time.
    private(set) var low: Int64
    /// Rows from here on are not.
    private(set) var high: Int64

    /// - Parameters:
    ///   - wanted: The time, in microseconds.
    ///   - first: The log's first row and its time.
    ///   - end: The first id that is not drawn yet, and the time now.
    init(_ wanted: Int64, first: (id: Int64, time: Int64), end: (id: Int64, time: Int64)) {
        self.wanted = wanted
        (low, lowTime) = (first.id, first.time)
        (high, highTime) = (max(end.id, first.id + 1), end.time)
        // The first row may be newer already, and the last one older.
        if first.time >= wanted {
            low = first.id - 1
            high = first.id
        }
    }

    /// Asks for the first row at or above this id; nil when found.
    var probe: Int64? {
        guard high - low > Self.slack else { return nil }
        let inner = (low + 1)...(high - 1)
        guard steps % 3 < 2, highTime > lowTime else { return low + (high - low) / 2 }
        let part = Double(wanted - lowTime) / Double(highTime - lowTime)
        let aim = low + Int64(Double(high - low) * min(1, max(0, part))) + (movedLow ? 1 : -1) * (Self.slack / 2 - 1)
        return min(max(aim, inner.lowerBound), inner.upperBound)
    }

    /// Takes the answer: the row's id and time, nil if there is no row at or above the probe.
    mutating func found(_ row: (id: Int64, time: Int64)?, at probe: Int64) {
        steps += 1
        if let row, row.id < high, row.time < wanted {
            (low, lowTime, movedLow) = (row.id, row.time, true)
        } else {
            (high, movedLow) = (probe, false)
            if let row { highTime = row.time }
        }
    }
}
