import AMQP
import DequeModule

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
    }

    /// How many rows may be published and unrecorded. Room for one row of each lane is kept beyond it: the first row of a
    /// lane may always leave, or rows behind it could fill the window and wait for it for ever.
    let limit: Int
    /// No more is sent while bodies of this many bytes in all are on their way: it bounds memory, not order.
    private let byteLimit: Int
    private var lanes: [Int: LaneQueue] = [:]
    /// Lanes that may have rows beyond those that were read.
    private var unread: Set<Int> = []
    /// Rows that may be published, those that became ready first in front. May name rows that have left since.
    private var ready: Deque<Place> = []
    /// Rows on their way by delivery tag, from `firstTag` on; nil for those that are settled.
    private var inFlight: Deque<Place?> = []
    private var firstTag: UInt64 = 1
    private(set) var inFlightCount = 0
    private(set) var inFlightBytes = 0
    private(set) var unrecordedCount = 0
    /// Lanes that wait because the broker did not take a row.
    private(set) var pausedLanes: Set<Int> = []

    /// - Parameter size: the most rows that may be published and unrecorded, at least 32.
    init(size: Int, laneCount: Int, byteLimit: Int = 8 << 20) {
        limit = size - laneCount
        self.byteLimit = byteLimit
        precondition(limit > 0, "a window of \(size) has no room for \(laneCount) lanes")
    }

    var ownedLanes: [Int] { lanes.keys.sorted() }
    /// The lanes of which all that was published is in the ledger. A row behind one that the broker did not take may be
    /// confirmed and can't be recorded.
    var cleanLanes: [Int] { ownedLanes.filter { lanes[$0]?.isClean == true } }
    /// Whether nothing is on its way and nothing that was confirmed is unrecorded.
    var isSettled: Bool { inFlightCount == 0 && lanes.values.allSatisfy { !$0.hasUnrecordedConfirms } }
    /// Whether there is nothing to wait for before what was confirmed is recorded.
    var isQuiet: Bool { inFlightCount == 0 && !ready.contains { !pausedLanes.contains($0.lane) } }

    mutating func take(lane: Int, recordedUpTo: Int64) {
        lanes[lane] = LaneQueue(recordedUpTo: recordedUpTo)
        unread.insert(lane)
    }

    // MARK: read

    /// Any lane may have new rows.
    mutating func woken() { unread = Set(lanes.keys) }

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

    mutating func append(_ row: OutboxRow, lane: Int) {
        if let ordinal = lanes[lane]?.append(row) { ready.append(Place(lane: lane, ordinal: ordinal)) }
    }

    // MARK: publish

    /// Takes the rows to publish now, in order. Give their delivery tags by ``published(_:firstTag:)``.
    mutating func takeReady(limit count: Int = 1000) -> [(place: Place, row: OutboxRow)] {
        var taken: [(place: Place, row: OutboxRow)] = []
        var paused: [Place] = []
        while unrecordedCount < limit, taken.count < count, inFlightBytes < byteLimit, let place = ready.popFirst() {
            guard lanes[place.lane]?.isReady(place.ordinal) == true else { continue }
            if pausedLanes.contains(place.lane) { paused.append(place) } else { taken.append(take(place)) }
        }
        ready.prepend(contentsOf: paused)
        if unrecordedCount >= limit { takeHeads(into: &taken) }
        return taken
    }

    private mutating func takeHeads(into taken: inout [(place: Place, row: OutboxRow)]) {
        for lane in ownedLanes where !pausedLanes.contains(lane) {
            if let head = lanes[lane]?.readyHead { taken.append(take(Place(lane: lane, ordinal: head))) }
        }
    }

    private mutating func take(_ place: Place) -> (place: Place, row: OutboxRow) {
        lanes[place.lane]!.published(place.ordinal)
        unrecordedCount += 1
        inFlightCount += 1
        let row = lanes[place.lane]![place.ordinal].row
        inFlightBytes += row.bodyBytes
        return (place, row)
    }

    mutating func published(_ places: [Place], firstTag tag: UInt64) {
        precondition(tag == firstTag + UInt64(inFlight.count), "delivery tags must follow one another")
        inFlight.append(contentsOf: places)
    }

    // MARK: settle

    /// The broker has these rows.
    mutating func confirmed(_ tags: ClosedRange<UInt64>) {
        for tag in tags {
            guard let place = settle(tag) else { continue }
            if let next = lanes[place.lane]!.confirmed(place.ordinal) {
                ready.append(Place(lane: place.lane, ordinal: next))
            }
        }
    }

    /// The broker did not take these rows: their lanes wait until ``resume(lane:)``.
    /// - Returns: the lanes that wait from now on.
    mutating func refused(_ tags: ClosedRange<UInt64>) -> [Int] {
        var paused: [Int] = []
        for tag in tags.reversed() {
            guard let place = settle(tag) else { continue }
            lanes[place.lane]!.refused(place.ordinal)
            unrecordedCount -= 1
            ready.prepend(place)
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

    /// What can be added to the ledger.
    var ledgerEntries: [LedgerEntry] {
        ownedLanes.compactMap { lane in
            lanes[lane]?.nextLedgerEntry.map {
                LedgerEntry(lane: lane, afterID: $0.afterID, upToID: $0.upToID, rows: $0.rows)
            }
        }
    }

    mutating func recorded(_ entries: [LedgerEntry]) {
        for entry in entries { unrecordedCount -= lanes[entry.lane]!.recorded(upTo: entry.upToID) }
    }
}

extension LaneQueue {
    /// Whether the row is still there and may be published.
    func isReady(_ ordinal: Int) -> Bool { contains(ordinal) && self[ordinal].state == .ready }
}
