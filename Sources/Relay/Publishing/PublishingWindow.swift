import AMQP
import DequeModule
import Outbox
import Records

/// What is read, on its way, confirmed and recorded, over all lanes of this relay. No I/O, no clock.
///
/// The window bounds how many rows are published and not yet in the ledger, which is what a hard fault can repeat.
struct PublishingWindow {
    /// A row on its way, by its place.
    private struct Place {
        let lane: OwnedLane
        let ordinal: Int
        let leftAt: ContinuousClock.Instant
    }

    /// How many rows may be published and unrecorded. Room for one row of each lane is kept beyond it: the first row of a
    /// lane may always leave, or rows behind it could fill the window and wait for it for ever.
    let limit: Int
    /// How many rows of a market and kind may be on their way.
    private(set) var unconfirmedPerMarket: Int
    /// No more is sent while bodies of this many bytes in all are on their way: it bounds memory, not order.
    private let byteLimit: Int
    /// By number; nil for those of other relays.
    private var lanes = [OwnedLane?](repeating: nil, count: Lane.count)
    private var claims = 0
    /// Rows on their way by delivery tag, from `firstTag` on; nil for those that are settled.
    private var inFlight: Deque<Place?> = []
    private var firstTag: UInt64 = 1
    private(set) var inFlightCount = 0
    private(set) var inFlightBytes = 0
    /// Nothing more is sent but what fills a gap: a row that stays behind would have those repeated that left before it.
    var isDraining = false

    /// - Parameters:
    ///   - size: the most rows that may be published and unrecorded, at least 32.
    ///   - unconfirmedPerMarket: how many rows of a market and kind may be on their way.
    init(size: Int, laneCount: Int, unconfirmedPerMarket: Int = 1, byteLimit: Int = 8 << 20) {
        limit = size - laneCount
        self.unconfirmedPerMarket = unconfirmedPerMarket
        self.byteLimit = byteLimit
        precondition(limit > 0, "a window of \(size) has no room for \(laneCount) lanes")
    }

    // MARK: lanes

    /// The lanes of this relay, by number.
    var owned: some Sequence<OwnedLane> { lanes.lazy.compactMap { $0 } }
    /// The lane, if it is this relay's.
    subscript(number: Int) -> OwnedLane? { lanes[number] }
    var ownedNumbers: [Int] { owned.map(\.number) }
    /// The lanes that the next owner need not be careful with: all that was published is in the ledger, and no row is
    /// left that an owner before may have published.
    var cleanNumbers: [Int] { owned.filter(\.isClean).map(\.number) }
    var isAnyPaused: Bool { owned.contains { $0.isPaused } }

    mutating func own(_ taken: LaneLedger.Claim) {
        claims += 1
        lanes[taken.lane] = OwnedLane(taken, claim: claims, unconfirmedPerMarket: unconfirmedPerMarket)
    }

    /// Sends nothing more from some lanes, so that they can be given up by ``takeLeft()`` when what is on its way is done.
    func leave(_ count: Int) {
        for lane in Array(owned.filter { !$0.isLeaving }).suffix(count) { lane.isLeaving = true }
    }

    /// The lanes that were to be left and have nothing unrecorded by now; they are forgotten.
    mutating func takeLeft() -> [OwnedLane] {
        let left = owned.filter { $0.isLeaving && $0.isSettled }
        for lane in left { lanes[lane.number] = nil }
        return Array(left)
    }

    mutating func setSeriesLimit(_ limit: Int) {
        guard limit != unconfirmedPerMarket else { return }
        unconfirmedPerMarket = limit
        for lane in owned { lane.setSeriesLimit(limit) }
    }

    // MARK: publish

    /// How many rows are published and not in the ledger.
    var unrecordedCount: Int { owned.reduce(0) { $0 + $1.unrecordedCount } }
    /// Whether as many rows are ready as are on their way. What became ready one by one leaves together then, which costs the
    /// broker fewer writes and confirms; when nothing is on its way a single row need not wait.
    var isBurstDue: Bool { owned.reduce(0) { $0 + ($1.isPaused ? 0 : $1.readyCount) } >= inFlightCount }

    /// Takes the rows to publish now, the oldest first. Their delivery tags follow those of the rows that were taken before.
    mutating func takeReady(limit count: Int = 1000, at now: ContinuousClock.Instant = .now) -> [Departure] {
        var taken: [Departure] = []
        var room = limit - unrecordedCount
        // The lanes that rows may leave from, and the first row of each.
        var open = owned.filter { $0.mayLeave(isDraining: isDraining) }.map { (lane: $0, id: $0.firstReadyID) }
        while room > 0, taken.count < count, inFlightBytes < byteLimit,
            let first = open.indices.min(by: { open[$0].id < open[$1].id })
        {
            let lane = open[first].lane
            taken.append(take(from: lane, at: now))
            room -= 1
            if lane.mayLeave(isDraining: isDraining) {
                open[first].id = lane.firstReadyID
            } else {
                open.remove(at: first)
            }
        }
        if room <= 0 { takeHeads(into: &taken, limit: count, at: now) }
        return taken
    }

    private mutating func takeHeads(into taken: inout [Departure], limit: Int, at now: ContinuousClock.Instant) {
        for lane in lanes.lazy.compactMap({ $0 }) where lane.isHeadReady && lane.mayLeave(isDraining: isDraining) {
            guard taken.count < limit else { return }
            taken.append(take(from: lane, at: now))
        }
    }

    private mutating func take(from lane: OwnedLane, at now: ContinuousClock.Instant) -> Departure {
        let ordinal = lane.publishFirstReady(at: now)
        inFlight.append(Place(lane: lane, ordinal: ordinal, leftAt: now))
        inFlightCount += 1
        let entry = lane[ordinal]
        inFlightBytes += entry.row.bodyBytes
        return Departure(row: entry.row, previousID: entry.previousID)
    }

    /// The delivery tag that the next row will have.
    var nextTag: UInt64 { firstTag + UInt64(inFlight.count) }

    /// The rows on their way.
    var inFlightRows: [(lane: Int, row: OutboxRow)] {
        inFlight.compactMap { place in place.map { ($0.lane.number, $0.lane[$0.ordinal].row) } }
    }

    // MARK: settle

    /// The broker has these rows.
    /// - Parameter each: is given each of them that was on its way, and when it left.
    mutating func confirmed(
        _ tags: ClosedRange<UInt64>, each: (OutboxRow, ContinuousClock.Instant) -> Void = { _, _ in }
    ) {
        // Half open, because what a closed range has for an index showed in the profile.
        for tag in tags.lowerBound..<(tags.upperBound + 1) {
            guard let place = settle(tag) else { continue }
            each(place.lane[place.ordinal].row, place.leftAt)
            place.lane.confirmed(place.ordinal)
        }
    }

    /// The broker did not take these rows.
    /// - Parameter isUncertain: it may have taken them all the same. A nack says so, a return does not.
    /// - Returns: their lanes.
    mutating func refused(_ tags: ClosedRange<UInt64>, isUncertain: Bool = true) -> [OwnedLane] {
        var refused: [Int: OwnedLane] = [:]
        for tag in tags.reversed() {
            guard let place = settle(tag) else { continue }
            place.lane.refused(place.ordinal, isUncertain: isUncertain)
            refused[place.lane.number] = place.lane
        }
        return refused.values.sorted { $0.number < $1.number }
    }

    private mutating func settle(_ tag: UInt64) -> Place? {
        guard tag >= firstTag, tag - firstTag < UInt64(inFlight.count), let place = inFlight[Int(tag - firstTag)]
        else { return nil }
        inFlight[Int(tag - firstTag)] = nil
        inFlightCount -= 1
        inFlightBytes -= place.lane[place.ordinal].row.bodyBytes
        while let first = inFlight.first, first == nil {
            inFlight.removeFirst()
            firstTag += 1
        }
        return place
    }

    // MARK: record

    /// Whether all is done that can be done: nothing is on its way, nothing can be recorded, and a gap only waits
    /// because the broker does not take it.
    var isSettled: Bool {
        inFlightCount == 0 && owned.allSatisfy { $0.recordableCount == 0 && (!$0.hasGap || $0.isPaused) }
    }
    /// Whether there is nothing to wait for before what was confirmed is recorded.
    var isQuiet: Bool {
        guard inFlightCount == 0 else { return false }
        let isFull = unrecordedCount >= limit
        return !owned.contains { $0.mayLeave(isDraining: isDraining) && (!isFull || $0.isHeadReady) }
    }
    /// How many rows can be added to the ledger.
    var recordableCount: Int { owned.reduce(0) { $0 + $1.recordableCount } }
    /// What can be added to the ledger.
    var ledgerEntries: [LedgerEntry] { owned.compactMap(\.nextLedgerEntry) }

    func recorded(_ entries: [LedgerEntry]) {
        for entry in entries { lanes[entry.lane]?.recorded(upTo: entry.upToID) }
    }
}
