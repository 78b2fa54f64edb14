import AMQP
import DequeModule
import Outbox
import Records

/// What is read, on its way, confirmed and recorded, over all lanes of this relay. No I/O, no clock.
///
/// The window bounds how many rows are published and not yet in the ledger, which is what a hard fault can repeat.
struct PublishingWindow {
    /// A row on its way, by its place.
    struct Place: Equatable {
        let lane: Int
        let ordinal: Int
    }

    /// A lane's next link in the ledger's chain.
    struct LedgerEntry: Equatable, Sendable {
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

    /// How many rows may be published and unrecorded. Room for one row of each lane is kept beyond it: the first row of a
    /// lane may always leave, or rows behind it could fill the window and wait for it for ever.
    let limit: Int
    private let seriesLimit: Int
    /// No more is sent while bodies of this many bytes in all are on their way: it bounds memory, not order.
    private let byteLimit: Int
    /// By lane; nil for those of other relays.
    private var lanes = [LaneQueue?](repeating: nil, count: Lane.count)
    /// Lanes that may have rows beyond those that were read.
    private var unread: Set<Int> = []
    /// Lanes that are to be given up: nothing more is sent from them but what fills a gap.
    private(set) var leavingLanes: Set<Int> = []
    /// Rows on their way by delivery tag, from `firstTag` on; nil for those that are settled.
    private var inFlight: Deque<Place?> = []
    private var firstTag: UInt64 = 1
    private(set) var inFlightCount = 0
    private(set) var inFlightBytes = 0
    private(set) var unrecordedCount = 0
    /// Lanes that wait because the broker did not take a row.
    private(set) var pausedLanes: Set<Int> = []
    /// Nothing more is sent but what fills a gap: a row that stays behind would have those repeated that left before it.
    var isDraining = false

    /// - Parameters:
    ///   - size: the most rows that may be published and unrecorded, at least 32.
    ///   - seriesLimit: how many rows of a market and kind may be on their way.
    init(size: Int, laneCount: Int, seriesLimit: Int = 1, byteLimit: Int = 8 << 20) {
        limit = size - laneCount
        self.seriesLimit = seriesLimit
        self.byteLimit = byteLimit
        precondition(limit > 0, "a window of \(size) has no room for \(laneCount) lanes")
    }

    var ownedLanes: [Int] { lanes.indices.filter { lanes[$0] != nil } }
    /// The lanes that the next owner need not be careful with: all that was published is in the ledger, and no row is
    /// left that an owner before may have published.
    var cleanLanes: [Int] { ownedLanes.filter { lanes[$0]?.isClean == true } }
    /// Whether all is done that can be done: nothing is on its way, nothing can be recorded, and a gap only waits
    /// because the broker does not take it.
    var isSettled: Bool {
        inFlightCount == 0
            && ownedLanes.allSatisfy {
                lanes[$0]!.recordableCount == 0 && (!lanes[$0]!.hasGap || pausedLanes.contains($0))
            }
    }
    /// Whether there is nothing to wait for before what was confirmed is recorded.
    var isQuiet: Bool {
        let isFull = unrecordedCount >= limit
        return inFlightCount == 0
            && !lanes.indices.contains { mayLeave(from: $0) && (!isFull || lanes[$0]!.readyHead != nil) }
    }

    mutating func take(lane: Int, recordedUpTo: Int64) {
        lanes[lane] = LaneQueue(recordedUpTo: recordedUpTo, seriesLimit: seriesLimit)
        unread.insert(lane)
    }

    /// Sends nothing more from some lanes, so that they can be given up by ``takeLeft()`` when what is on its way is done.
    mutating func leave(_ count: Int) {
        leavingLanes.formUnion(ownedLanes.filter { !leavingLanes.contains($0) }.suffix(count))
    }

    /// The lanes that were to be left and have nothing unrecorded by now; they are forgotten.
    /// - Returns: the lanes, and those of them that are clean.
    mutating func takeLeft() -> (lanes: [Int], clean: [Int]) {
        let left = leavingLanes.filter { lanes[$0]?.isSettled == true }.sorted()
        let clean = left.filter { lanes[$0]?.isClean == true }
        for lane in left {
            lanes[lane] = nil
            leavingLanes.remove(lane)
            pausedLanes.remove(lane)
            unread.remove(lane)
        }
        return (left, clean)
    }

    // MARK: read

    /// Where a lane's next rows begin; nil if it is not this relay's.
    func readUpTo(lane: Int) -> Int64? { lanes[lane]?.readUpTo }

    /// Any lane may have new rows.
    mutating func woken() { unread = Set(ownedLanes) }

    /// Rows were superseded: those that were read and did not leave are read once more.
    mutating func readAgain() {
        for lane in ownedLanes { lanes[lane]!.forgetUnpublished() }
        woken()
    }

    /// The lanes that may have more rows and have room for them, where to read on, and how many. They count as read from now
    /// on, until ``woken()`` or until an answer is as long as its limit.
    mutating func takeUnread(capacity: Int, limit: Int) -> [OutboxReader.Request] {
        var requests: [OutboxReader.Request] = []
        for lane in unread.sorted() {
            guard let queue = lanes[lane], queue.count <= capacity / 2 else { continue }
            requests.append((lane, queue.readUpTo, min(limit, capacity - queue.count)))
            unread.remove(lane)
        }
        return requests
    }

    /// The answer for the lane was as long as it might be: there may be more.
    mutating func mayHaveMore(lane: Int) { unread.insert(lane) }

    mutating func append(_ row: OutboxRow, isExcepted: Bool = false, lane: Int) {
        lanes[lane]?.append(row, isExcepted: isExcepted)
    }

    // MARK: publish

    /// Whether as many rows are ready as are on their way. What became ready one by one leaves together then, which costs the
    /// broker fewer writes and confirms; when nothing is on its way a single row need not wait.
    var isBurstDue: Bool {
        lanes.indices.reduce(0) { $0 + (pausedLanes.contains($1) ? 0 : lanes[$1]?.readyCount ?? 0) } >= inFlightCount
    }

    /// Takes the rows to publish now, the oldest first. Give their delivery tags by ``published(_:firstTag:)``.
    mutating func takeReady(
        limit count: Int = 1000, at now: ContinuousClock.Instant = .now
    ) -> [(place: Place, row: OutboxRow)] {
        var taken: [(place: Place, row: OutboxRow)] = []
        // The lanes that rows may leave from, and the first row of each.
        var open = lanes.indices.filter(mayLeave).map { (lane: $0, id: lanes[$0]!.firstReadyID) }
        while unrecordedCount < limit, taken.count < count, inFlightBytes < byteLimit,
            let first = open.indices.min(by: { open[$0].id < open[$1].id })
        {
            let lane = open[first].lane
            taken.append(take(from: lane, at: now))
            if mayLeave(from: lane) { open[first].id = lanes[lane]!.firstReadyID } else { open.remove(at: first) }
        }
        if unrecordedCount >= limit { takeHeads(into: &taken, limit: count, at: now) }
        return taken
    }

    private func mayLeave(from lane: Int) -> Bool {
        guard let queue = lanes[lane], queue.readyCount > 0, !pausedLanes.contains(lane) else { return false }
        return !(isDraining || leavingLanes.contains(lane)) || queue.isFirstReadyGap
    }

    private mutating func takeHeads(
        into taken: inout [(place: Place, row: OutboxRow)], limit: Int, at now: ContinuousClock.Instant
    ) {
        for lane in lanes.indices where taken.count < limit && mayLeave(from: lane) && lanes[lane]!.readyHead != nil {
            taken.append(take(from: lane, at: now))
        }
    }

    private mutating func take(from lane: Int, at now: ContinuousClock.Instant) -> (place: Place, row: OutboxRow) {
        let place = Place(lane: lane, ordinal: lanes[lane]!.publishFirstReady(at: now))
        unrecordedCount += 1
        inFlightCount += 1
        let row = lanes[lane]![place.ordinal].row
        inFlightBytes += row.bodyBytes
        return (place, row)
    }

    mutating func published(_ places: some Collection<Place>, firstTag tag: UInt64) {
        precondition(tag == firstTag + UInt64(inFlight.count), "delivery tags must follow one another")
        for place in places { inFlight.append(place) }
    }

    /// The rows on their way.
    var inFlightRows: [(lane: Int, row: OutboxRow)] {
        inFlight.compactMap { place in place.map { ($0.lane, lanes[$0.lane]![$0.ordinal].row) } }
    }

    // MARK: settle

    /// The broker has these rows.
    /// - Parameter each: is given each of them that was on its way.
    mutating func confirmed(_ tags: ClosedRange<UInt64>, each: (OutboxRow) -> Void = { _ in }) {
        // Half open, because what a closed range has for an index showed in the profile.
        for tag in tags.lowerBound..<(tags.upperBound + 1) {
            guard let place = settle(tag) else { continue }
            each(lanes[place.lane]![place.ordinal].row)
            lanes[place.lane]!.confirmed(place.ordinal)
        }
    }

    /// The broker did not take these rows: their lanes wait until ``resume(lane:)``.
    /// - Parameter isUncertain: it may have taken them all the same. A nack says so, a return does not.
    /// - Returns: the lanes that wait from now on.
    mutating func refused(_ tags: ClosedRange<UInt64>, isUncertain: Bool = true) -> [Int] {
        var paused: [Int] = []
        for tag in tags.reversed() {
            guard let place = settle(tag) else { continue }
            lanes[place.lane]!.refused(place.ordinal, isUncertain: isUncertain)
            unrecordedCount -= 1
            if pausedLanes.insert(place.lane).inserted { paused.append(place.lane) }
        }
        return paused
    }

    mutating func resume(lane: Int) { pausedLanes.remove(lane) }

    private mutating func settle(_ tag: UInt64) -> Place? {
        guard tag >= firstTag, tag - firstTag < UInt64(inFlight.count), let place = inFlight[Int(tag - firstTag)]
        else { return nil }
        inFlight[Int(tag - firstTag)] = nil
        inFlightCount -= 1
        inFlightBytes -= lanes[place.lane]![place.ordinal].row.bodyBytes
        while let first = inFlight.first, first == nil {
            inFlight.removeFirst()
            firstTag += 1
        }
        return place
    }

    // MARK: record

    /// How many rows can be added to the ledger.
    var recordableCount: Int { lanes.indices.reduce(0) { $0 + (lanes[$1]?.recordableCount ?? 0) } }
    /// What can be added to the ledger.
    var ledgerEntries: [LedgerEntry] { ownedLanes.compactMap { lanes[$0]?.nextLedgerEntry(lane: $0) } }

    mutating func recorded(_ entries: [LedgerEntry]) {
        for entry in entries { unrecordedCount -= lanes[entry.lane]!.recorded(upTo: entry.upToID) }
    }
}
