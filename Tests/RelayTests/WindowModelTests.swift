import Testing

@testable import Outbox
@testable import Relay

@Suite("The window under random events")
struct WindowModelTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func keepsItsPromises(seed: UInt64) {
        var model = WindowModel(seed: seed)
        for _ in 0..<500 { model.step() }
        model.finish()
    }

    /// Whatever has left is recorded in the end, or the next owner would repeat it.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func drainsToAnEndThatRepeatsNothing(seed: UInt64) {
        var model = WindowModel(seed: seed)
        for _ in 0..<(Int(seed) * 10) { model.step() }
        model.drain()
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func lanesAreLeftWithoutAnythingThatTheNextOwnerWouldRepeat(seed: UInt64) {
        var model = WindowModel(seed: seed)
        for _ in 0..<(Int(seed) * 10) { model.step() }
        model.leave()
    }
}

/// A log, a broker and a ledger around a window, and what must hold whatever happens.
struct WindowModel {
    private struct LogRow {
        let id: Int64
        let series: OutboxRow.Series
        let isExcepted: Bool
        var publishes = 0
        var confirms = 0
        var records = 0
    }

    private static let laneCount = 3
    private let byteLimit = 900
    private let size: Int
    /// How many rows of a market and kind may be on their way.
    private let seriesLimit: Int
    private var random: SeededGenerator
    private var window: PublishingWindow
    private var log: [[LogRow]] = Array(repeating: [], count: laneCount)
    private var lastID: Int64 = 0
    private var readUpTo = [Int64](repeating: 0, count: laneCount)
    /// The rows on their way, by tag.
    private var onTheirWay: [UInt64: (lane: Int, index: Int)] = [:]
    private var lastTag: UInt64 = 0
    private var confirmedCount = 0
    private var ledgerEnds = [Int64](repeating: 0, count: laneCount)
    /// Entries that the database is writing.
    private var writing: [PublishingWindow.LedgerEntry]?

    init(seed: UInt64) {
        random = SeededGenerator(state: seed)
        size = Self.laneCount + Int.random(in: 1...12, using: &random)
        seriesLimit = seed % 2 == 0 ? 1 : Int.random(in: 2...4, using: &random)
        window = PublishingWindow(
            size: size, laneCount: Self.laneCount, seriesLimit: seriesLimit, byteLimit: byteLimit)
        for lane in 0..<Self.laneCount { window.take(lane: lane, recordedUpTo: 0) }
    }

    // MARK: events

    mutating func step() {
        switch Int.random(in: 0..<13, using: &random) {
        case 0, 1: commitRows(Int.random(in: 1...8, using: &random))
        case 2, 3: read(limit: Int.random(in: 1...9, using: &random))
        case 4, 5: publish(limit: Int.random(in: 1...9, using: &random))
        case 6: confirmOne()
        case 7: confirmMany()
        case 8: refuse()
        case 9: for lane in window.pausedLanes.sorted() { window.resume(lane: lane) }
        case 10: startWriting()
        case 11:
            window.readAgain()
            for lane in 0..<Self.laneCount { readUpTo[lane] = window.readUpTo(lane: lane) ?? readUpTo[lane] }
        default: finishWriting()
        }
        check()
    }

    /// Lets everything go well until all is done.
    mutating func finish() {
        for _ in 0..<log.joined().count + 10 where !log.joined().allSatisfy({ $0.records == 1 }) {
            for lane in window.pausedLanes.sorted() { window.resume(lane: lane) }
            finishWriting()
            read(limit: 9)
            window.woken()
            publish(limit: 1000)
            for tag in onTheirWay.keys.sorted() { confirm(tag...tag) }
            startWriting()
            finishWriting()
            check()
        }
        #expect(
            log.joined().allSatisfy {
                ($0.isExcepted ? $0.publishes == 0 : $0.publishes >= 1 && $0.confirms == 1) && $0.records == 1
            })
        #expect(ledgerEnds == log.map { $0.last?.id ?? 0 })
        publish(limit: 1)
        #expect(window.isSettled && window.isQuiet && window.unrecordedCount == 0 && window.inFlightBytes == 0)
    }

    mutating func drain() {
        for lane in window.pausedLanes.sorted() { window.resume(lane: lane) }
        window.isDraining = true
        for _ in 0..<log.joined().count + 10 where !window.isSettled { workOn() }
        #expect(window.isSettled)
        #expect(log.joined().allSatisfy { $0.confirms == $0.records || $0.isExcepted })
    }

    mutating func leave() {
        window.leave(2)
        for _ in 0..<log.joined().count + 10 where window.leavingLanes.count > 0 {
            workOn()
            for lane in window.takeLeft().lanes {
                #expect(log[lane].allSatisfy { $0.confirms == $0.records || $0.isExcepted })
            }
        }
        #expect(window.ownedLanes.count == 1)
    }

    /// All goes well for once.
    private mutating func workOn() {
        for lane in window.pausedLanes.sorted() { window.resume(lane: lane) }
        finishWriting()
        publish(limit: 1000)
        for tag in onTheirWay.keys.sorted() { confirm(tag...tag) }
        startWriting()
        finishWriting()
        check()
    }

    private mutating func commitRows(_ count: Int) {
        for _ in 0..<count {
            lastID += Int64.random(in: 1...3, using: &random)
            let market = Int32.random(in: 0..<9, using: &random)
            let kind = OutboxRow.Kind(number: Int.random(in: 0..<2, using: &random))
            log[Int(market) % Self.laneCount]
                .append(
                    LogRow(
                        id: lastID, series: OutboxRow.Series(market: market, kind: kind),
                        isExcepted: Int.random(in: 0..<10, using: &random) == 0))
        }
    }

    private mutating func read(limit: Int) {
        if Bool.random(using: &random) { window.woken() }
        for request in window.takeUnread(capacity: size, limit: limit) {
            let rows = log[request.lane].filter { $0.id > request.afterID }.prefix(request.limit)
            for row in rows {
                let bytes = Int.random(in: 1...300, using: &random)
                window.append(
                    .make(row.id, market: row.series.market, kind: row.series.kind.number, bytes: bytes),
                    isExcepted: row.isExcepted, lane: request.lane)
                readUpTo[request.lane] = row.id
            }
            if rows.count == request.limit { window.mayHaveMore(lane: request.lane) }
        }
    }

    private mutating func publish(limit: Int) {
        let mustProgress = (0..<Self.laneCount).contains(where: isWaitingForNothing) && window.inFlightBytes < byteLimit
        let taken = window.takeReady(limit: limit)
        #expect(!mustProgress || !taken.isEmpty, "nothing to wait for, and nothing leaves")
        window.published(taken.map(\.place), firstTag: lastTag + 1)
        for (place, row) in taken {
            lastTag += 1
            let index = log[place.lane].firstIndex { $0.id == row.id }!
            let isOvertaking = log[place.lane][..<index].indices.contains { other in
                let before = log[place.lane][other]
                return before.series == row.series && before.confirms == 0 && !before.isExcepted
                    && !(seriesLimit > 1 && onTheirWay.values.contains { $0 == (place.lane, other) })
            }
            #expect(!isOvertaking, "row \(row.id) overtakes")
            #expect(log[place.lane][index].confirms == 0 && !log[place.lane][index].isExcepted)
            log[place.lane][index].publishes += 1
            onTheirWay[lastTag] = (place.lane, index)
        }
    }

    /// Whether the lane has a row to publish, and nothing else that could bring it on.
    private func isWaitingForNothing(_ lane: Int) -> Bool {
        let rows = log[lane].prefix { $0.id <= readUpTo[lane] }
        return !window.isDraining && !window.leavingLanes.contains(lane) && !window.pausedLanes.contains(lane)
            && !onTheirWay.values.contains { $0.lane == lane }
            && !window.ledgerEntries.contains { $0.lane == lane }
            && rows.contains { $0.confirms == 0 && !$0.isExcepted }
    }

    private mutating func confirmOne() {
        guard let tag = onTheirWay.keys.sorted().randomElement(using: &random) else { return }
        confirm(tag...tag)
    }

    /// All up to a tag, as `multiple` does.
    private mutating func confirmMany() {
        guard let tag = onTheirWay.keys.sorted().randomElement(using: &random) else { return }
        confirm(onTheirWay.keys.min()!...tag)
    }

    private mutating func confirm(_ tags: ClosedRange<UInt64>) {
        window.confirmed(tags)
        for tag in tags {
            guard let (lane, index) = onTheirWay.removeValue(forKey: tag) else { continue }
            log[lane][index].confirms += 1
            confirmedCount += 1
        }
    }

    private mutating func refuse() {
        guard let tag = onTheirWay.keys.sorted().randomElement(using: &random) else { return }
        let wasPaused = window.pausedLanes
        let (lane, _) = onTheirWay.removeValue(forKey: tag)!
        #expect(window.refused(tag...tag) == (wasPaused.contains(lane) ? [] : [lane]))
    }

    private mutating func startWriting() {
        guard writing == nil, !window.ledgerEntries.isEmpty else { return }
        writing = window.ledgerEntries
    }

    private mutating func finishWriting() {
        guard let entries = writing else { return }
        writing = nil
        for entry in entries {
            #expect(entry.afterID == ledgerEnds[entry.lane], "a hole or an overlap in the ledger")
            let rows = log[entry.lane].indices.filter {
                log[entry.lane][$0].id > entry.afterID && log[entry.lane][$0].id <= entry.upToID
            }
            #expect(rows.count == entry.rows)
            for row in rows {
                #expect(log[entry.lane][row].confirms == (log[entry.lane][row].isExcepted ? 0 : 1))
                log[entry.lane][row].records += 1
            }
            let excepted = rows.filter { log[entry.lane][$0].isExcepted }
            #expect(entry.excepted == excepted.map { log[entry.lane][$0].id })
            confirmedCount -= rows.count - excepted.count
            ledgerEnds[entry.lane] = entry.upToID
        }
        window.recorded(entries)
    }

    // MARK: what must hold

    private func check() {
        let series = onTheirWay.values.map { log[$0.lane][$0.index].series }
        let most = Dictionary(series.map { ($0, 1) }, uniquingKeysWith: +).values.max() ?? 0
        #expect(most <= seriesLimit, "\(most) rows of a series are on their way")
        #expect(window.unrecordedCount == onTheirWay.count + confirmedCount)
        #expect(window.inFlightCount == onTheirWay.count)
        #expect(window.unrecordedCount <= size, "more is unrecorded than the window may hold")
    }
}
