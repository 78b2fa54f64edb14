import DequeModule
import HeapModule
import Outbox
import ProgramRuntime

/// All that is known of a lane that this relay has taken: its rows that are read and not yet in the ledger, in the order of
/// their ids, and how it stands with the broker. To leave a lane is to drop this.
///
/// No I/O, no clock. A class, as the window looks at all lanes at each event: each look would copy a struct of five buffers.
final class OwnedLane {
    enum RowState: Equatable {
        /// To be published, for the first time or again.
        case waiting
        /// Published, not confirmed.
        case inFlight
        case confirmed
        /// Parked or superseded: the ledger goes past it.
        case excepted
    }

    struct Entry {
        var row: OutboxRow
        var state: RowState
        /// Number of its market and kind.
        let series: Int
        /// Ordinal of the next row of the same market and kind that was read.
        var next: Int?
        /// The announcement before it, as it was told when it left.
        var previousID: Int64?
    }

    let number: Int
    /// Tells this ownership of the lane from earlier ones.
    let claim: Int
    /// Where the ledger's chain for this lane ends: all rows up to here are done.
    private(set) var recordedUpTo: Int64
    /// The last row that was read.
    private(set) var readUpTo: Int64
    /// There may be rows beyond those that were read.
    var isUnread = true
    /// To be given up: nothing more is sent but what fills a gap.
    var isLeaving = false
    /// Waits because the broker did not take a row.
    private(set) var isPaused = false
    private var backoff = Backoff()
    private var suspicion: PossiblyRedelivered?

    private var entries: Deque<Entry> = []
    /// Ordinal of the first entry; ordinals are given to rows as they are read and never change.
    private var firstOrdinal = 0
    /// How many rows of a market and kind may be on their way.
    private var unconfirmedPerMarket: Int
    /// By number. They stay, as they are few: so a confirm has nothing to look up.
    private var series: [SeriesQueue] = []
    private var numbers: [OutboxRow.Series: Int] = [:]
    /// The next row of each market and kind that may leave. The first leaves first: as the ledger only goes on over what is done
    /// without a gap, those behind it would fill the window with what can't be recorded (measured with 1,000 markets of five
    /// kinds: 2,000 rows a second instead of 6,300).
    private var ready: Heap<Int> = []
    /// How many rows may leave now.
    private(set) var readyCount = 0
    /// How many rows are published and not in the ledger.
    private(set) var unrecordedCount = 0
    /// How many entries from the first on are done: confirmed, or excepted.
    private var donePrefix = 0
    /// Ordinal of the last row that is on its way or confirmed; a row before it that is not done yet is a gap.
    private var lastPublished = -1
    /// Rows up to this id may have arrived though they are to be published again.
    private var doubtfulUpTo: Int64 = 0
    /// Rows that are excepted and not in the ledger.
    private var excepted: Deque<Int64> = []
    /// When the first of the rows left that are not in the ledger.
    private var publishedAt: ContinuousClock.Instant?

    /// - Parameter unconfirmedPerMarket: how many rows of a market and kind may be on their way.
    init(_ taken: LaneLedger.Claim, claim: Int = 0, unconfirmedPerMarket: Int = 1) {
        number = taken.lane
        self.claim = claim
        self.unconfirmedPerMarket = unconfirmedPerMarket
        recordedUpTo = taken.recordedUpTo
        readUpTo = taken.recordedUpTo
        if taken.isUnclean { suspicion = PossiblyRedelivered(claimedAt: taken.claimedAt) }
    }

    /// How long the bodies are of the rows that are held.
    private(set) var heldBytes = 0

    var count: Int { entries.count }
    /// How many rows can be added to the ledger.
    var recordableCount: Int { donePrefix }
    /// Whether a row that was published lies behind one that is not done.
    var hasGap: Bool { firstOrdinal + donePrefix <= lastPublished }
    /// The id of the first row that may leave. There must be one.
    var firstReadyID: Int64 { self[ready.min!].row.id }
    /// Whether all that was published is in the ledger.
    var isSettled: Bool { firstOrdinal > lastPublished }
    /// Whether the next owner need not expect that rows were published already.
    var isClean: Bool {
        isSettled && suspicion == nil && !entries.contains { $0.row.isPossiblyRedelivered && $0.state != .excepted }
    }
    /// Whether the first row may be published. Not while the ledger can be extended: that makes room by itself.
    var isHeadReady: Bool { donePrefix == 0 && ready.min == firstOrdinal }

    subscript(ordinal: Int) -> Entry { entries[ordinal - firstOrdinal] }

    /// Whether a row may leave that is ready.
    /// - Parameter isDraining: nothing more is sent but what fills a gap: a row that stays behind would have those repeated that
    ///   left before it.
    func mayLeave(isDraining: Bool) -> Bool {
        guard let first = ready.min, !isPaused else { return false }
        return !(isDraining || isLeaving) || first < lastPublished
    }

    // MARK: read

    /// Where to read on, if there may be more rows and there is room for them. The lane counts as read from now on.
    func nextRead(capacity: Int, limit: Int) -> ReadRequest? {
        guard isUnread, count <= capacity / 2 else { return nil }
        isUnread = false
        return ReadRequest(lane: number, claim: claim, afterID: readUpTo, limit: min(limit, capacity - count))
    }

    /// The answer had as many rows as it might have, or it had all.
    func wasRead(toItsEnd isAtEnd: Bool) {
        if isAtEnd { suspicion = nil } else { isUnread = true }
    }

    /// Adds a row that was read.
    func append(_ row: OutboxRow, isExcepted: Bool = false) {
        precondition(row.id > readUpTo, "rows must be read in order")
        readUpTo = row.id
        var row = row
        if isSuspect(row) { doubtfulUpTo = row.id }
        row.isPossiblyRedelivered = row.id <= doubtfulUpTo
        heldBytes += row.bodyBytes
        let number = number(row.series)
        entries.append(Entry(row: row, state: isExcepted ? .excepted : .waiting, series: number))
        guard !isExcepted else {
            excepted.append(row.id)
            return advance()
        }
        let before = series[number].leavable(limit: unconfirmedPerMarket)
        link(entries.count - 1)
        series[number].append(firstOrdinal + entries.count - 1)
        refresh(number, before: before)
    }

    /// Whether the owner before may have published the row. Rows behind one that it can't have published are younger still.
    private func isSuspect(_ row: OutboxRow) -> Bool {
        guard suspicion?.includes(row) != true else { return true }
        suspicion = nil
        return false
    }

    private func number(_ key: OutboxRow.Series) -> Int {
        if let number = numbers[key] { return number }
        numbers[key] = series.count
        series.append(SeriesQueue())
        return series.count - 1
    }

    /// Behind the others of its market and kind.
    private func link(_ index: Int) {
        if let last = series[entries[index].series].last, last >= firstOrdinal {
            entries[last - firstOrdinal].next = firstOrdinal + index
        }
    }

    /// Forgets the rows behind the last that left or can be recorded, so that they are read once more.
    func readAgain() {
        isUnread = true
        let kept = max(donePrefix, lastPublished - firstOrdinal + 1)
        guard kept < entries.count else { return }
        for _ in kept..<entries.count { heldBytes -= entries.removeLast().row.bodyBytes }
        readUpTo = entries.last?.row.id ?? recordedUpTo
        while let last = excepted.last, last > readUpTo { excepted.removeLast() }
        for number in series.indices {
            let back = series[number].back.flatMap { $0 < firstOrdinal + kept ? $0 : nil }
            // What comes next begins a chain: one that left before may be excepted now.
            series[number] = SeriesQueue(back: back)
        }
        for index in entries.indices where entries[index].state != .excepted { relink(index) }
        fillReady()
    }

    private func relink(_ index: Int) {
        let number = entries[index].series
        link(index)
        entries[index].next = nil
        series[number].append(firstOrdinal + index)
        guard entries[index].state != .waiting else { return }
        series[number].next = nil
        series[number].waiting = 0
        if entries[index].state == .inFlight { series[number].inFlight += 1 }
    }

    // MARK: publish

    /// Whether it may leave has changed for a market and kind.
    private func refresh(_ number: Int, before: Int = 0) {
        let leavable = series[number].leavable(limit: unconfirmedPerMarket)
        readyCount += leavable - before
        guard leavable > 0, !series[number].isQueued, let next = series[number].next else { return }
        series[number].isQueued = true
        ready.insert(next)
    }

    /// Whether it may leave has changed for many.
    private func fillReady() {
        ready = []
        readyCount = 0
        for number in series.indices {
            series[number].isQueued = false
            refresh(number)
        }
    }

    /// How many rows of a market and kind may be on their way from now on.
    func setSeriesLimit(_ limit: Int) {
        guard limit != unconfirmedPerMarket else { return }
        unconfirmedPerMarket = limit
        fillReady()
    }

    /// The first row that is ready leaves.
    /// - Returns: its ordinal.
    func publishFirstReady(at now: ContinuousClock.Instant) -> Int {
        let ordinal = ready.removeMin()
        let index = ordinal - firstOrdinal
        let number = entries[index].series
        let before = series[number].leavable(limit: unconfirmedPerMarket)
        entries[index].state = .inFlight
        entries[index].previousID = series[number].previousID
        series[number].leave(entries[index].row.id, following: entries[index].next)
        refresh(number, before: before)
        lastPublished = max(lastPublished, ordinal)
        unrecordedCount += 1
        if publishedAt == nil { publishedAt = now }
        return ordinal
    }

    // MARK: settle

    /// The broker has the row; the next one of its market and kind may leave.
    func confirmed(_ ordinal: Int) {
        let index = ordinal - firstOrdinal
        precondition(entries[index].state == .inFlight)
        let number = entries[index].series
        let before = series[number].leavable(limit: unconfirmedPerMarket)
        entries[index].state = .confirmed
        series[number].inFlight -= 1
        advance()
        goBackIfSettled(number)
        refresh(number, before: before)
    }

    /// The broker did not take the row: it is to be published again, before any other of its market and kind.
    /// - Parameter isUncertain: the broker may have taken it all the same.
    func refused(_ ordinal: Int, isUncertain: Bool) {
        let index = ordinal - firstOrdinal
        precondition(entries[index].state == .inFlight)
        let number = entries[index].series
        let before = series[number].leavable(limit: unconfirmedPerMarket)
        entries[index].state = .waiting
        unrecordedCount -= 1
        if isUncertain { doubt(index) }
        series[number].refused(ordinal)
        goBackIfSettled(number)
        dropQueued(number)
        refresh(number, before: before)
        shrinkPublished()
    }

    private func doubt(_ index: Int) {
        entries[index].row.isPossiblyRedelivered = true
        doubtfulUpTo = max(doubtfulUpTo, entries[index].row.id)
    }

    /// Once nothing of a market and kind is on its way, everything from the refused row on is to be published again, also what
    /// was confirmed: who follows the chain did not take it.
    private func goBackIfSettled(_ number: Int) {
        guard series[number].inFlight == 0, let back = series[number].back else { return }
        var ordinal: Int? = back
        while let row = ordinal, row != series[number].next {
            if entries[row - firstOrdinal].state == .confirmed {
                entries[row - firstOrdinal].state = .waiting
                unrecordedCount -= 1
                doubt(row - firstOrdinal)
            }
            series[number].waiting += 1
            ordinal = entries[row - firstOrdinal].next
        }
        dropQueued(number)
        series[number].back = nil
        series[number].next = back
        series[number].previousID = self[back].previousID
        shrinkPublished()
    }

    /// A row of a later place was ready: it no longer is.
    private func dropQueued(_ number: Int) {
        guard series[number].isQueued else { return }
        series[number].isQueued = false
        let next = series[number].next
        ready = Heap(ready.unordered.filter { $0 != next })
    }

    private func shrinkPublished() {
        while lastPublished >= firstOrdinal, ![.inFlight, .confirmed].contains(self[lastPublished].state) {
            lastPublished -= 1
        }
    }

    private func advance() {
        while donePrefix < entries.count,
            entries[donePrefix].state == .confirmed || entries[donePrefix].state == .excepted
        { donePrefix += 1 }
    }

    // MARK: the broker's mood

    /// Waits from now on.
    /// - Returns: for how long; nil if it waits already.
    func pause() -> Duration? {
        guard !isPaused else { return nil }
        isPaused = true
        return backoff.next()
    }

    func resume() { isPaused = false }

    /// The broker takes messages: the next pause is a short one.
    func calm() { backoff.reset() }

    // MARK: record

    /// What extends the ledger over all rows that are done without a gap; nil if there are none.
    var nextLedgerEntry: LedgerEntry? {
        guard donePrefix > 0 else { return nil }
        let last = entries[donePrefix - 1].row.id
        return LedgerEntry(
            lane: number, afterID: recordedUpTo, upToID: last, rows: donePrefix,
            excepted: Array(excepted.prefix { $0 <= last }), publishedAt: publishedAt)
    }

    /// The ledger reaches up to this row now.
    func recorded(upTo id: Int64) {
        var count = 0
        while count < donePrefix, entries[count].row.id <= id { count += 1 }
        precondition(count > 0 && entries[count - 1].row.id == id, "the ledger ends at a row that was never confirmed")
        for _ in 0..<count { heldBytes -= entries.removeFirst().row.bodyBytes }
        firstOrdinal += count
        donePrefix -= count
        unrecordedCount -= count
        recordedUpTo = id
        publishedAt = nil
        while let first = excepted.first, first <= id {
            excepted.removeFirst()
            unrecordedCount += 1
        }
    }
}
