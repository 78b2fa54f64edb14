import AMQP
import Outbox
import Records

/// What a relay session knows and decides. Takes events, returns what is to be done; does no I/O and has no clock.
///
/// What it knows beyond the ledger dies with it, but for the rows in ``poison``.
struct SessionState {
    /// What was begun and is not answered. One of each at a time.
    struct Busy: OptionSet {
        let rawValue: Int
        static let reading = Busy(rawValue: 1)
        /// Counting relays, taking lanes or leaving some.
        static let balancing = Busy(rawValue: 2)
        static let parking = Busy(rawValue: 4)
        static let recording = Busy(rawValue: 8)
        static let ensuringQueue = Busy(rawValue: 16)
    }

    /// Nothing more is read while bodies of this many bytes are held: they are in memory until they are in the ledger.
    private static let heldBytes = 32 << 20

    private let windowSize: Int
    private(set) var window: PublishingWindow
    private(set) var patience = BrokerPatience()
    private var unconfirmed: UnconfirmedLimit
    /// Rows that the broker may reject for what is in them.
    private(set) var poison: PoisonRows
    private(set) var busy: Busy = []
    private var ledger = LedgerPatience()
    /// Whether it was said that the ledger can be extended.
    private var saidLedger = false
    private var readSize = ReadSize()
    /// When the ledger was last extended.
    private var lastRecord: ContinuousClock.Instant
    /// What was last said of the output queue; nothing at first.
    private var saidTrouble: String??
    private var actions: [SessionAction] = []

    /// - Parameters:
    ///   - windowSize: the most rows that may be published and not in the ledger.
    ///   - unconfirmed: how many rows of a market and kind may be on their way.
    ///   - poison: what the session before learned of rows that the broker rejects.
    init(
        windowSize: Int, unconfirmed: UnconfirmedLimit, poison: PoisonRows = PoisonRows(),
        at now: ContinuousClock.Instant
    ) {
        self.windowSize = windowSize
        self.unconfirmed = unconfirmed
        self.poison = poison
        lastRecord = now
        window = PublishingWindow(size: windowSize, laneCount: Lane.count, unconfirmedPerMarket: unconfirmed.current)
    }

    mutating func receive(_ event: SessionEvent, at now: ContinuousClock.Instant) {
        switch event {
        case .woken: for lane in window.owned { lane.isUnread = true }
        case .superseded: readAgain()
        case .read(let answer): append(answer)
        case .settled(let outcomes): settle(outcomes, at: now)
        case .recorded(let entries):
            busy.remove(.recording)
            window.recorded(entries)
            ledger.answered(at: now)
            ledger.release()
            sayLedger()
        case .notRecorded(let reason):
            ledger.answered(at: now)
            holdLedger(reason)
        case .recordAgain:
            busy.remove(.recording)
            lastRecord = now - .seconds(1)
        case .resume(let lane, let claim): if window[lane]?.claim == claim { window[lane]?.resume() }
        case .balanceDue: count()
        case .counted(let share):
            ledger.answered(at: now)
            balance(share)
        case .claimed(let claims):
            ledger.answered(at: now)
            own(claims)
        case .released: busy.remove(.balancing)
        case .parked: busy.remove(.parking)
        case .queueIsThere: busy.remove(.ensuringQueue)
        case .blocked(let reason): patience.setBlocked(reason)
        case .lookAtBroker: lookAtBroker(at: now)
        case .drain: window.isDraining = true
        }
    }

    /// What is to be done by now: read on, publish, record, leave lanes.
    mutating func nextActions(at now: ContinuousClock.Instant) -> [SessionAction] {
        readLog()
        publish(at: now)
        recordConfirmed(at: now)
        leaveLanes()
        noticeRelief()
        if saidTrouble != .some(patience.trouble) {
            saidTrouble = .some(patience.trouble)
            actions.append(.say(.outputQueue(trouble: patience.trouble)))
        }
        if window.isDraining && window.isSettled && busy.isDisjoint(with: [.recording, .balancing]) {
            actions.append(.finish)
        }
        defer { actions = [] }
        return actions
    }

    /// Begins something that is answered by an event.
    private mutating func begin(_ kind: Busy, _ work: SessionWork) {
        busy.insert(kind)
        actions.append(.begin(work))
    }

    // MARK: lanes

    private mutating func count() {
        // Also while it drains: the server ends the session that holds the lanes if nothing is heard of it.
        guard !busy.contains(.balancing) else { return }
        begin(.balancing, .countRelays)
    }

    /// Takes free lanes or gives some up, so that all relays have the same number, give or take one.
    private mutating func balance(_ share: LaneShare) {
        busy.remove(.balancing)
        let kept = window.owned.count { !$0.isLeaving }
        if kept > share.target { window.leave(kept - share.target) }
        guard kept < share.target, !window.isDraining, !ledger.isHeld else { return sayLedger() }
        begin(.balancing, .claim((0..<Lane.count).filter { window[$0] == nil }, limit: share.target - kept))
    }

    /// Gives up the lanes that are to be left, once all that was published from them is in the ledger.
    private mutating func leaveLanes() {
        guard busy.isDisjoint(with: [.balancing, .recording]) else { return }
        let left = window.takeLeft()
        guard !left.isEmpty else { return }
        let numbers = left.map(\.number)
        poison.keepOnly(lanes: Set(window.ownedNumbers))
        actions.append(.say(.leftLanes(numbers, owned: window.ownedNumbers.count)))
        begin(.balancing, .release(numbers, clean: left.filter(\.isClean).map(\.number)))
    }

    private mutating func own(_ claims: [LaneLedger.Claim]) {
        busy.remove(.balancing)
        sayLedger()
        guard !claims.isEmpty else { return }
        park(claims)
        for claim in claims { window.own(claim) }
        actions.append(.say(.tookLanes(claims, owned: window.ownedNumbers.count)))
    }

    /// The database has answered, and if lanes were taken it has committed that: not before is it called ready.
    private mutating func sayLedger() {
        guard !saidLedger, !ledger.isHeld else { return }
        saidLedger = true
        actions.append(.say(.ledger(trouble: nil)))
    }

    /// Parks the rows that the broker rejects, in lanes that were just taken: now nobody else can publish them.
    private mutating func park(_ claims: [LaneLedger.Claim]) {
        for claim in claims { poison.clear(lane: claim.lane, upTo: claim.recordedUpTo) }
        let found = poison.takeFound(lanes: Set(claims.map(\.lane)))
        guard !found.isEmpty else { return }
        actions.append(.say(.parks(found)))
        begin(.parking, .park(found))
    }

    // MARK: read

    private mutating func readLog() {
        guard busy.isDisjoint(with: [.reading, .parking]), !window.isDraining else { return }
        guard window.owned.reduce(0, { $0 + $1.heldBytes }) < Self.heldBytes else { return }
        let requests = window.owned.compactMap { $0.nextRead(capacity: windowSize, limit: readSize.rowsPerLane) }
        if !requests.isEmpty { begin(.reading, .read(requests)) }
    }

    private mutating func append(_ answer: ReadAnswer) {
        busy.remove(.reading)
        var counts = [Int](repeating: 0, count: Lane.count)
        var bytes = counts
        let lanes = answer.requests.reduce(into: [OwnedLane?](repeating: nil, count: Lane.count)) { lanes, request in
            lanes[request.lane] = asked(request)
        }
        for (number, row) in answer.rows {
            guard let lane = lanes[number] else { continue }
            counts[number] += 1
            bytes[number] += row.bodyBytes
            let isExcepted = answer.excepted.contains(row.id)
            var row = row
            row.attempt = poison.attempt(row.id)
            if isExcepted { poison.clear(row.id) }
            lane.append(row, isExcepted: isExcepted)
        }
        for request in answer.requests {
            let isWhole = counts[request.lane] < request.limit && bytes[request.lane] < OutboxReader.bytesPerLane
            lanes[request.lane]?.wasRead(toItsEnd: isWhole)
        }
        readSize.learn(rows: answer.rows.count, bytes: answer.byteCount)
    }

    /// The lane that an answer is for. One that was left meanwhile, and perhaps taken again, or is to be read once more from
    /// further back, has nothing to do with it.
    private func asked(_ request: ReadRequest) -> OwnedLane? {
        guard let lane = window[request.lane], lane.claim == request.claim, lane.readUpTo == request.afterID else {
            return nil
        }
        return lane
    }

    /// Rows were superseded: those that were read and did not leave are read once more.
    private mutating func readAgain() {
        for lane in window.owned { lane.readAgain() }
        actions.append(.say(.readsAgain))
    }

    // MARK: publish

    private mutating func publish(at now: ContinuousClock.Instant) {
        guard ledger.mayPublish(at: now) else { return }
        let isOneByOne = poison.areIn(window.ownedNumbers)
        guard isOneByOne ? window.inFlightCount == 0 : window.isBurstDue else { return }
        if window.inFlightCount == 0 { patience.firstLeft(at: now) }
        let tag = window.nextTag
        let rows = window.takeReady(limit: isOneByOne ? 1 : 1000, at: now)
        if !rows.isEmpty { actions.append(.publish(rows, firstTag: tag)) }
    }

    private mutating func settle(_ outcomes: [Outcome], at now: ContinuousClock.Instant) {
        patience.heard(at: now)
        if poison.areIn(window.ownedNumbers) { for row in window.inFlightRows { poison.clear(row.row.id) } }
        for outcome in outcomes {
            switch outcome {
            case .confirmed(let tags):
                var rows: [(row: OutboxRow, leftAt: ContinuousClock.Instant)] = []
                window.confirmed(tags) { rows.append(($0, $1)) }
                patience.confirmed()
                unconfirmed.confirmed(rows.count)
                actions.append(.say(.confirmed(rows)))
            case .refused(let tags):
                patience.refused(at: now)
                unconfirmed.refused()
                actions.append(.say(.refused(tags.count)))
                pause(window.refused(tags))
            case .returned(let tag, let code, let text):
                patience.returned(code: code, text: text)
                unconfirmed.refused()
                actions.append(.say(.returned))
                pause(window.refused(tag...tag, isUncertain: false))
                if !busy.contains(.ensuringQueue) { begin(.ensuringQueue, .ensureQueue) }
            }
        }
        window.setSeriesLimit(unconfirmed.current)
        if patience.isHeldUp && !window.isAnyPaused { relieve() }
    }

    /// The lanes wait before they try again: an outage of the queue spends no attempt of any row.
    private mutating func pause(_ lanes: [OwnedLane]) {
        for lane in lanes {
            guard let wait = lane.pause() else { continue }
            actions.append(.begin(.wait(lane: lane.number, claim: lane.claim, wait)))
        }
    }

    private mutating func relieve() {
        patience.relieved()
        for lane in window.owned { lane.calm() }
    }

    /// What waited may also be another relay's by now, or superseded: then nobody confirms it here.
    private mutating func noticeRelief() {
        guard patience.isHeldUp, !patience.isBlocked, !window.isAnyPaused, window.isQuiet else { return }
        patience.forgetRefusals()
        relieve()
    }

    private mutating func lookAtBroker(at now: ContinuousClock.Instant) {
        do throws(BrokerPatience.RefusesForTooLong) {
            try patience.look(inFlight: window.inFlightCount, at: now)
        } catch {
            actions.append(.giveUp(error))
        }
    }

    // MARK: record

    /// Under load the ledger is extended every 20 ms or half window, whichever is first; when nothing is on its way, at
    /// once. One extension at a time. There is no timer: confirms keep coming while rows are on their way, and should the
    /// broker fall silent, the next balance brings it here.
    private mutating func recordConfirmed(at now: ContinuousClock.Instant) {
        guard !busy.contains(.recording) else { return }
        let rows = window.recordableCount
        guard rows > 0 else { return }
        let isDue =
            window.isDraining || window.isQuiet || rows >= windowSize / 2 || now - lastRecord >= .milliseconds(20)
        guard isDue else { return }
        lastRecord = now
        begin(.recording, .record(window.ledgerEntries))
    }

    /// The database did not take the entries: nothing leaves until it does. What passes at the second try is no news.
    private mutating func holdLedger(_ reason: String) {
        if ledger.isHeld {
            saidLedger = false
            actions.append(.say(.ledger(trouble: reason)))
        }
        actions.append(.begin(.waitForLedger(ledger.hold())))
    }

    // MARK: the end

    /// The session has failed: what was confirmed, or recorded, and not handled yet would be repeated for nothing.
    /// - Parameter rest: the events that were not handled.
    /// - Returns: what can still be recorded. Should it be in the ledger already, because only the answer was missed, it is refused.
    mutating func fail(_ failure: any Error, rest: [SessionEvent]) -> [LedgerEntry] {
        for event in rest {
            switch event {
            case .settled(let outcomes): for case .confirmed(let tags) in outcomes { window.confirmed(tags) }
            case .recorded(let entries): window.recorded(entries)
            default: break
            }
        }
        poison.keepOnly(lanes: Set(window.ownedNumbers))
        poison.note(failure, inFlight: window.inFlightRows.map { ($0.lane, $0.row.id, $0.row.trace) })
        return window.ledgerEntries
    }
}
