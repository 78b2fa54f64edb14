import DequeModule

/// The rows of one lane that are read and not yet in the ledger, in the order of their ids.
///
/// Of the rows of one market and kind only the first that is not confirmed may be on its way. Should the broker refuse it
/// while later ones were on their way too, they would have overtaken it. So each row knows the next one of its market
/// and kind, and becomes ready when the one before it is confirmed. No I/O, no clock.
struct LaneQueue {
    enum State: Equatable {
        /// Another row of the same market and kind comes first.
        case waiting
        case ready
        /// Published, not confirmed.
        case inFlight
        case confirmed
    }

    struct Entry {
        let row: OutboxRow
        var state: State
        /// Ordinal of the next row of the same market and kind.
        var next: Int?
    }

    /// Where the ledger's chain for this lane ends: all rows up to here are done.
    private(set) var recordedUpTo: Int64
    /// The last row that was read.
    private(set) var readUpTo: Int64
    private var entries: Deque<Entry> = []
    /// Ordinal of the first entry; ordinals are given to rows as they are read and never change.
    private var firstOrdinal = 0
    /// Ordinal of the last unconfirmed row of each market and kind.
    private var lasts: [OutboxRow.Series: Int] = [:]
    /// How many entries from the first on are confirmed.
    private var confirmedPrefix = 0

    /// - Parameter recordedUpTo: the end of the lane's chain, 0 for none.
    init(recordedUpTo: Int64) {
        self.recordedUpTo = recordedUpTo
        readUpTo = recordedUpTo
    }

    var count: Int { entries.count }
    var hasUnrecordedConfirms: Bool { confirmedPrefix > 0 }

    func contains(_ ordinal: Int) -> Bool { ordinal >= firstOrdinal && ordinal < firstOrdinal + entries.count }

    subscript(ordinal: Int) -> Entry { entries[ordinal - firstOrdinal] }

    /// Whether all that was published is in the ledger.
    var isClean: Bool { entries.allSatisfy { $0.state == .waiting || $0.state == .ready } }

    /// The first row, if it may be published. None while the ledger can be extended: that makes room by itself.
    var readyHead: Int? {
        guard confirmedPrefix == 0, entries.first?.state == .ready else { return nil }
        return firstOrdinal
    }

    /// Adds a row that was read.
    /// - Returns: its ordinal if it is ready to be published.
    mutating func append(_ row: OutboxRow) -> Int? {
        precondition(row.id > readUpTo, "rows must be read in order")
        readUpTo = row.id
        let ordinal = firstOrdinal + entries.count
        let before = lasts.updateValue(ordinal, forKey: row.series)
        if let before { entries[before - firstOrdinal].next = ordinal }
        entries.append(Entry(row: row, state: before == nil ? .ready : .waiting))
        return before == nil ? ordinal : nil
    }

    mutating func published(_ ordinal: Int) {
        precondition(self[ordinal].state == .ready)
        entries[ordinal - firstOrdinal].state = .inFlight
    }

    /// - Returns: the ordinal of the row that became ready by this.
    mutating func confirmed(_ ordinal: Int) -> Int? {
        let index = ordinal - firstOrdinal
        precondition(entries[index].state == .inFlight)
        entries[index].state = .confirmed
        while confirmedPrefix < entries.count, entries[confirmedPrefix].state == .confirmed { confirmedPrefix += 1 }
        guard let next = entries[index].next else {
            lasts[entries[index].row.series] = nil
            return nil
        }
        entries[next - firstOrdinal].state = .ready
        return next
    }

    /// The broker did not take the row: it is to be published again, before any other of its market and kind.
    mutating func refused(_ ordinal: Int) {
        precondition(self[ordinal].state == .inFlight)
        entries[ordinal - firstOrdinal].state = .ready
    }

    /// The entry that extends the ledger over all rows confirmed without a gap; nil if there are none.
    var nextLedgerEntry: (afterID: Int64, upToID: Int64, rows: Int)? {
        guard confirmedPrefix > 0 else { return nil }
        return (recordedUpTo, entries[confirmedPrefix - 1].row.id, confirmedPrefix)
    }

    /// The ledger reaches up to this row now.
    /// - Returns: how many rows are done with.
    mutating func recorded(upTo id: Int64) -> Int {
        var count = 0
        while count < confirmedPrefix, entries[count].row.id <= id { count += 1 }
        precondition(count > 0 && entries[count - 1].row.id == id, "the ledger ends at a row that was never confirmed")
        entries.removeFirst(count)
        firstOrdinal += count
        confirmedPrefix -= count
        recordedUpTo = id
        return count
    }
}
