import Testing

@testable import AMQP
@testable import Outbox
@testable import Relay

@Suite("A session under random events")
struct SessionModelTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func keepsItsPromises(seed: UInt64) {
        var model = SessionModel(seed: seed)
        for _ in 0..<300 { model.step() }
        model.finish()
    }

    /// Whatever has left is recorded in the end, or the next owner would repeat it.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func drainsToAnEndThatRepeatsNothing(seed: UInt64) {
        var model = SessionModel(seed: seed)
        for _ in 0..<(Int(seed) * 10) { model.step() }
        model.drain()
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func lanesAreLeftWithoutAnythingThatTheNextOwnerWouldRepeat(seed: UInt64) {
        var model = SessionModel(seed: seed)
        for _ in 0..<(Int(seed) * 10) { model.step() }
        model.leave()
    }
}

/// A log, a broker, a ledger and other relays around a session, and what must hold whatever happens.
struct SessionModel {
    private struct LogRow {
        let id: Int64
        let series: OutboxRow.Series
        var isExcepted: Bool
        /// What the broker has of it, in doubt too.
        var copies = 0
        var isRecorded = false
        var isBooked: Bool { isRecorded || isExcepted }
    }

    /// A row on the wire.
    private struct Sent {
        let tag: UInt64
        let lane: Int
        let index: Int
        let previousID: Int64?
        var fate: Fate?
    }

    /// What the broker does with a row.
    private enum Fate: CaseIterable {
        case taken, refused, refusedAndTaken, returned
    }

    private static let lanes = [2, 5, 11]
    private let windowSize = 20
    private let unconfirmedPerMarket: Int
    private var random: SeededGenerator
    private var state: SessionState
    private var now = ContinuousClock.now
    private var log: [Int: [LogRow]]
    private var lastID: Int64 = 0
    private var ledgerEnds: [Int: Int64]
    /// Lanes that others may take: released, or never claimed.
    private var free: Set<Int> = Set(lanes)
    /// Lanes that were not left in good order.
    private var unclean: Set<Int> = []
    /// What the session waits for.
    private var works: [SessionWork] = []
    private var sent: [Sent] = []
    /// What a consumer that follows the chain has taken of each series, in order.
    private var taken: [OutboxRow.Series: [Int64]] = [:]
    private var isFinished = false
    private var isLedgerHeld = false
    /// What part of the lanes the session should have; nil for a random one.
    private var share: LaneShare?

    init(seed: UInt64) {
        random = SeededGenerator(state: seed)
        unconfirmedPerMarket = seed % 2 == 0 ? 1 : Int.random(in: 2...4, using: &random)
        state = SessionState(
            windowSize: windowSize, unconfirmed: UnconfirmedLimit(most: unconfirmedPerMarket, trust: 3), at: now)
        log = Dictionary(uniqueKeysWithValues: Self.lanes.map { ($0, []) })
        ledgerEnds = Dictionary(uniqueKeysWithValues: Self.lanes.map { ($0, 0) })
    }

    // MARK: what happens

    mutating func step() {
        now += .milliseconds(Int.random(in: 0...15, using: &random))
        switch Int.random(in: 0..<14, using: &random) {
        case 0, 1: commitRows(Int.random(in: 1...8, using: &random))
        case 2: on(.woken)
        case 3, 4, 5: answerOne()
        case 6, 7: settleOne(.taken)
        case 8: settleMany()
        case 9: settleOne(Fate.allCases.randomElement(using: &random)!)
        case 10: supersede()
        case 11: on(.balanceDue)
        case 12: on([.blocked("full"), .blocked(nil), .lookAtBroker].randomElement(using: &random)!)
        default: for _ in 0..<3 { answerOne() }
        }
        check()
    }

    /// Lets everything go well until all is done.
    mutating func finish() {
        share = LaneShare(relays: 1, rank: 0)
        workOn { $0.log.values.joined().allSatisfy { $0.isRecorded } && $0.state.window.isQuiet }
        let lost = log.values.joined().filter { !$0.isExcepted && $0.copies == 0 }.map(\.id)
        #expect(lost == [])
        for lane in Self.lanes { #expect(ledgerEnds[lane] == log[lane]!.last?.id ?? 0) }
        let (unrecorded, bytes) = (state.window.unrecordedCount, state.window.inFlightBytes)
        #expect(unrecorded == 0 && bytes == 0)
        checkConsumer()
    }

    mutating func drain() {
        on(.drain)
        workOn { $0.isFinished }
        checkNothingIsRepeated(state.window.cleanNumbers)
    }

    mutating func leave() {
        share = LaneShare(relays: 17, rank: 16)
        workOn { $0.state.window.ownedNumbers.isEmpty && $0.free.count == Self.lanes.count }
    }

    /// All goes well, until it is done.
    private mutating func workOn(until isDone: (SessionModel) -> Bool) {
        for _ in 0..<1000 where !isDone(self) {
            now += .milliseconds(20)
            while !works.isEmpty && !isDone(self) { answerOne() }
            while !sent.isEmpty { settle(0, .taken) }
            on(.woken)
            on(.balanceDue)
            check()
        }
        let isDone = isDone(self)
        #expect(isDone, "it stands still: \(works), \(sent.count) on their way, \(state.busy)")
    }

    private mutating func commitRows(_ count: Int) {
        for _ in 0..<count {
            lastID += Int64.random(in: 1...3, using: &random)
            let market = Int32.random(in: 0..<9, using: &random)
            let kind = OutboxRow.Kind(number: Int.random(in: 0..<2, using: &random))
            log[Self.lanes[Int(market) % Self.lanes.count]]!.append(
                LogRow(id: lastID, series: OutboxRow.Series(market: market, kind: kind), isExcepted: false))
        }
    }

    /// An operator supersedes a row that is pending, which may be on its way.
    private mutating func supersede() {
        let lane = Self.lanes.randomElement(using: &random)!
        guard let index = log[lane]!.indices.filter({ !log[lane]![$0].isRecorded }).randomElement(using: &random) else {
            return
        }
        log[lane]![index].isExcepted = true
        on(.superseded)
    }

    private mutating func on(_ event: SessionEvent) {
        guard !isFinished else { return }
        state.receive(event, at: now)
        for action in state.nextActions(at: now) {
            switch action {
            case .publish(let rows, let tag): for (n, row) in rows.enumerated() { publish(row, tag + UInt64(n)) }
            case .begin(let work): works.append(work)
            case .finish: isFinished = true
            case .say, .giveUp: break
            }
        }
    }

    // MARK: the servers

    private mutating func answerOne() {
        guard let index = works.indices.randomElement(using: &random) else { return }
        switch works.remove(at: index) {
        case .read(let requests): on(.read(read(requests)))
        case .record(let entries):
            guard works.isEmpty || Int.random(in: 0..<9, using: &random) > 0 else {
                isLedgerHeld = true
                return on(.notRecorded(reason: "locked"))
            }
            isLedgerHeld = false
            record(entries)
            on(.recorded(entries))
        case .waitForLedger: on(.recordAgain)
        case .countRelays:
            on(.counted(share ?? LaneShare(relays: Int.random(in: 1...9, using: &random), rank: 0)))
        case .claim(let lanes, let limit):
            let claims = lanes.filter(free.contains).prefix(limit)
            free.subtract(claims)
            on(.claimed(claims.map { .make($0, recordedUpTo: ledgerEnds[$0]!, isUnclean: unclean.contains($0)) }))
        case .release(let lanes, let clean):
            checkNothingIsRepeated(clean)
            unclean.subtract(clean)
            unclean.formUnion(lanes.filter { !clean.contains($0) })
            free.formUnion(lanes.filter(Self.lanes.contains))
            on(.released)
        case .park: on(.parked)
        case .wait(let lane, let claim, _): on(.resume(lane: lane, claim: claim))
        case .ensureQueue: on(.queueIsThere)
        }
    }

    private mutating func read(_ requests: [ReadRequest]) -> ReadAnswer {
        var rows: [(lane: Int, row: OutboxRow)] = []
        var excepted: Set<Int64> = []
        for request in requests {
            for row in (log[request.lane] ?? []).filter({ $0.id > request.afterID }).prefix(request.limit) {
                let bytes = Int.random(in: 1...300, using: &random)
                let (market, kind) = (row.series.market, row.series.kind.number)
                rows.append((request.lane, .make(row.id, market: market, kind: kind, bytes: bytes)))
                if row.isExcepted { excepted.insert(row.id) }
            }
        }
        return ReadAnswer(requests: requests, rows: rows, excepted: excepted, byteCount: 100 * rows.count)
    }

    private mutating func publish(_ departure: Departure, _ tag: UInt64) {
        let lane = Self.lanes[Int(departure.row.series.market) % Self.lanes.count]
        let index = log[lane]!.firstIndex { $0.id == departure.row.id }!
        let (row, isOwned) = (log[lane]![index], state.window[lane] != nil)
        #expect(!isLedgerHeld, "published though it can't be recorded")
        #expect(isOwned, "a row of a lane that is another relay's")
        #expect(!row.isRecorded, "row \(row.id) is in the ledger")
        #expect(row.copies == 0 || departure.row.isPossiblyRedelivered, "again without a mark")
        sent.append(Sent(tag: tag, lane: lane, index: index, previousID: departure.previousID))
        let series = departure.row.series
        let onTheirWay = sent.count { log[$0.lane]![$0.index].series == series }
        #expect(onTheirWay <= unconfirmedPerMarket, "\(onTheirWay) rows of a series are on their way")
    }

    private mutating func settleOne(_ fate: Fate) {
        guard let index = sent.indices.randomElement(using: &random) else { return }
        settle(index, fate)
    }

    /// All up to one, as `multiple` does.
    private mutating func settleMany() {
        guard let last = sent.indices.randomElement(using: &random) else { return }
        arrive(upTo: last, .taken)
        on(.settled((0...last).map { _ in outcome(sent.removeFirst()) }))
    }

    /// Tells what became of one, in any order.
    private mutating func settle(_ index: Int, _ fate: Fate) {
        arrive(upTo: index, fate)
        on(.settled([outcome(sent.remove(at: index))]))
    }

    private func outcome(_ row: Sent) -> Outcome {
        switch row.fate! {
        case .taken: .confirmed(row.tag...row.tag)
        case .refused, .refusedAndTaken: .refused(row.tag...row.tag)
        case .returned: .returned(tag: row.tag, code: 312, text: "NO_ROUTE")
        }
    }

    /// The broker meets rows in the order in which they were sent.
    private mutating func arrive(upTo last: Int, _ fate: Fate) {
        for index in 0...last where sent[index].fate == nil {
            sent[index].fate = fate
            if [.taken, .refusedAndTaken].contains(fate) { take(sent[index]) }
        }
    }

    /// The row is in the queue, and the consumer takes it if it follows what it has.
    private mutating func take(_ row: Sent) {
        log[row.lane]![row.index].copies += 1
        let (id, series) = (log[row.lane]![row.index].id, log[row.lane]![row.index].series)
        let last = taken[series]?.last ?? 0
        guard row.previousID.map({ $0 == last }) ?? (id > last) else { return }
        taken[series, default: []].append(id)
    }

    private mutating func record(_ entries: [LedgerEntry]) {
        for entry in entries {
            #expect(entry.afterID == ledgerEnds[entry.lane], "a hole or an overlap in the ledger")
            let rows = log[entry.lane]!.indices.filter {
                log[entry.lane]![$0].id > entry.afterID && log[entry.lane]![$0].id <= entry.upToID
            }
            #expect(rows.count == entry.rows)
            for index in rows {
                let row = log[entry.lane]![index]
                let isExcepted = entry.excepted.contains(row.id)
                #expect(row.copies > 0 || isExcepted, "recorded and never taken")
                #expect(!isExcepted || row.isExcepted)
                log[entry.lane]![index].isRecorded = true
            }
            ledgerEnds[entry.lane] = entry.upToID
        }
    }

    // MARK: what must hold

    private func check() {
        let (onTheirWay, unrecorded) = (state.window.inFlightCount, state.window.unrecordedCount)
        #expect(onTheirWay == sent.count)
        #expect(unrecorded <= windowSize, "more is unrecorded than the window may hold")
    }

    /// The next owner of these lanes need not be careful.
    private func checkNothingIsRepeated(_ lanes: [Int]) {
        for lane in lanes where Self.lanes.contains(lane) {
            let repeated = log[lane]!.filter { $0.copies > 0 && !$0.isBooked }.map(\.id)
            #expect(repeated == [])
        }
    }

    /// A consumer that follows the chain has each event once and in order.
    private func checkConsumer() {
        for (series, ids) in taken { #expect(ids == ids.sorted() && Set(ids).count == ids.count, "\(series): \(ids)") }
        for row in log.values.joined() where !row.isExcepted {
            let isTaken = taken[row.series]?.contains(row.id) == true
            #expect(isTaken, "row \(row.id) was never taken")
        }
    }
}
