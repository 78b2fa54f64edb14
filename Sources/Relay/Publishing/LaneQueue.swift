import DequeModule
import HeapModule
import Outbox

/// The rows of one lane that are read and not yet in the ledger, in the order of their ids.
///
/// Of the rows of one market and kind only the first that is not confirmed may be on its way, unless a setting allows more. Should
/// the broker refuse it while later ones were on their way too, they would have overtaken it. So rows wait, each knows the next one
/// that waits of its market and kind, and the first becomes ready when one before it is confirmed. No I/O, no clock. A class, as
/// the window looks at all lanes at each event: each look would copy a struct of five buffers.
final class LaneQueue {
    enum State: Equatable {
        /// Others of the same market and kind come first.
        case waiting
        case ready
        /// Published, not confirmed.
        case inFlight
        case confirmed
        /// Parked or superseded: the ledger goes past it.
        case excepted
    }

    struct Entry {
        var row: OutboxRow
        var state: State
        /// Number of its market and kind.
        var series: Int
        /// Ordinal of the next row that waits of the same market and kind, if this one waits.
        var next: Int?
    }

    /// The rows of a market and kind that are neither confirmed nor excepted.
    private struct Series {
        /// How many of them are ready or on their way.
        var open = 0
        /// Ordinals of the first and the last that wait.
        var waiting: (first: Int, last: Int)?
    }

    /// Where the ledger's chain for this lane ends: all rows up to here are done.
    private(set) var recordedUpTo: Int64
    /// The last row that was read.
    private(set) var readUpTo: Int64
    private var entries: Deque<Entry> = []
    /// Ordinal of the first entry; ordinals are given to rows as they are read and never change.
    private var firstOrdinal = 0
    /// How many rows of a market and kind may be on their way.
    private let seriesLimit: Int
    /// By number. They stay, as they are few: so a confirm has nothing to look up.
    private var series: [Series] = []
    private var numbers: [OutboxRow.Series: Int] = [:]
    /// Ordinals of the rows that are ready. The first leaves first: as the ledger only goes on over what is done without a
    /// gap, those behind it would fill the window with what can't be recorded (measured with 1,000 markets of five kinds: 2,000
    /// rows a second instead of 6,300).
    private var ready: Heap<Int> = []
    /// How many entries from the first on are done: confirmed, or excepted.
    private var donePrefix = 0
    /// Ordinal of the last row that was published and not refused; a row before it that is not done yet is a gap.
    private var lastPublished = -1
    /// Rows that are excepted and not in the ledger.
    private var excepted: Deque<Int64> = []
    /// When the first of the rows left that are not in the ledger.
    private var publishedAt: ContinuousClock.Instant?

    /// - Parameters:
    ///   - recordedUpTo: the end of the lane's chain, 0 for none.
    ///   - seriesLimit: how many rows of a market and kind may be on their way; more than one may overtake each other.
    init(recordedUpTo: Int64, seriesLimit: Int = 1) {
        self.recordedUpTo = recordedUpTo
        self.seriesLimit = seriesLimit
        readUpTo = recordedUpTo
    }

    var count: Int { entries.count }
    /// How many rows can be added to the ledger.
    var recordableCount: Int { donePrefix }
    /// Whether a row that was published lies behind one that is not done.
    var hasGap: Bool { firstOrdinal + donePrefix <= lastPublished }
    /// How many rows are ready.
    var readyCount: Int { ready.count }
    /// The id of the first row that is ready. There must be one.
    var firstReadyID: Int64 { self[ready.min!].row.id }
    /// Whether the first row that is ready lies before one that was published already.
    var isFirstReadyGap: Bool { ready.min.map { $0 < lastPublished } ?? false }

    func contains(_ ordinal: Int) -> Bool { ordinal >= firstOrdinal && ordinal < firstOrdinal + entries.count }

    subscript(ordinal: Int) -> Entry { entries[ordinal - firstOrdinal] }

    /// Whether all that was published is in the ledger.
    var isSettled: Bool { firstOrdinal > lastPublished }
    /// Whether the next owner need not expect that rows were published already.
    var isClean: Bool { isSettled && !entries.contains { $0.row.isPossiblyRedelivered && $0.state != .excepted } }

    /// The first row, if it may be published. None while the ledger can be extended: that makes room by itself.
    var readyHead: Int? {
        guard donePrefix == 0, entries.first?.state == .ready else { return nil }
        return firstOrdinal
    }

    /// Adds a row that was read.
    func append(_ row: OutboxRow, isExcepted: Bool = false) {
        precondition(row.id > readUpTo, "rows must be read in order")
        readUpTo = row.id
        let number = number(row.series)
        guard !isExcepted else {
            entries.append(Entry(row: row, state: .excepted, series: number))
            excepted.append(row.id)
            return advance()
        }
        entries.append(Entry(row: row, state: .waiting, series: number))
        queueUp(firstOrdinal + entries.count - 1)
    }

    private func number(_ key: OutboxRow.Series) -> Int {
        if let number = numbers[key] { return number }
        numbers[key] = series.count
        series.append(Series())
        return series.count - 1
    }

    /// Behind the others of its market and kind.
    private func queueUp(_ ordinal: Int) {
        let number = self[ordinal].series
        if series[number].open < seriesLimit {
            series[number].open += 1
            becomeReady(ordinal)
        } else {
            if let last = series[number].waiting?.last { entries[last - firstOrdinal].next = ordinal }
            series[number].waiting = (series[number].waiting?.first ?? ordinal, ordinal)
        }
    }

    private func becomeReady(_ ordinal: Int) {
        entries[ordinal - firstOrdinal].state = .ready
        ready.insert(ordinal)
    }

    /// The first row that is ready leaves.
    /// - Returns: its ordinal.
    func publishFirstReady(at now: ContinuousClock.Instant) -> Int {
        let ordinal = ready.removeMin()
        entries[ordinal - firstOrdinal].state = .inFlight
        lastPublished = max(lastPublished, ordinal)
        if publishedAt == nil { publishedAt = now }
        return ordinal
    }

    private func advance() {
        while donePrefix < entries.count,
            entries[donePrefix].state == .confirmed || entries[donePrefix].state == .excepted
        { donePrefix += 1 }
    }

    /// The broker has the row; the next one of its market and kind becomes ready.
    func confirmed(_ ordinal: Int) {
        let index = ordinal - firstOrdinal
        precondition(entries[index].state == .inFlight)
        entries[index].state = .confirmed
        advance()
        let number = entries[index].series
        guard let waiting = series[number].waiting else {
            series[number].open -= 1
            return
        }
        series[number].waiting = self[waiting.first].next.map { ($0, waiting.last) }
        becomeReady(waiting.first)
    }

    /// The broker did not take the row: it is to be published again, before any other of its market and kind.
    /// - Parameter isUncertain: the broker may have taken it all the same.
    func refused(_ ordinal: Int, isUncertain: Bool) {
        precondition(self[ordinal].state == .inFlight)
        becomeReady(ordinal)
        if isUncertain { entries[ordinal - firstOrdinal].row.isPossiblyRedelivered = true }
        while lastPublished >= firstOrdinal, ![.inFlight, .confirmed].contains(self[lastPublished].state) {
            lastPublished -= 1
        }
    }

    /// Forgets the rows behind the last that left or can be recorded, so that they are read once more.
    func forgetUnpublished() {
        let kept = max(donePrefix, lastPublished - firstOrdinal + 1)
        guard kept < entries.count else { return }
        entries.removeLast(entries.count - kept)
        readUpTo = entries.last?.row.id ?? recordedUpTo
        while let last = excepted.last, last > readUpTo { excepted.removeLast() }
        ready = []
        for number in series.indices { series[number] = Series() }
        for index in entries.indices where entries[index].state != .confirmed && entries[index].state != .excepted {
            entries[index].next = nil
            if entries[index].state == .inFlight {
                series[entries[index].series].open += 1
            } else {
                queueUp(firstOrdinal + index)
            }
        }
    }

    /// What extends the ledger over all rows that are done without a gap; nil if there are none.
    func nextLedgerEntry(lane: Int) -> PublishingWindow.LedgerEntry? {
        guard donePrefix > 0 else { return nil }
        let last = entries[donePrefix - 1].row.id
        return PublishingWindow.LedgerEntry(
            lane: lane, afterID: recordedUpTo, upToID: last, rows: donePrefix,
            excepted: Array(excepted.prefix { $0 <= last }), publishedAt: publishedAt)
    }

    /// The ledger reaches up to this row now.
    /// - Returns: how many published rows are done with.
    func recorded(upTo id: Int64) -> Int {
        var count = 0
        while count < donePrefix, entries[count].row.id <= id { count += 1 }
        precondition(count > 0 && entries[count - 1].row.id == id, "the ledger ends at a row that was never confirmed")
        entries.removeFirst(count)
        firstOrdinal += count
        donePrefix -= count
        recordedUpTo = id
        publishedAt = nil
        var published = count
        while let first = excepted.first, first <= id {
            excepted.removeFirst()
            published -= 1
        }
        return published
    }
}
