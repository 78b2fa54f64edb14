import AMQP
import CoreMetrics
import Logging
import Outbox
import Postgres
import Records
import Schema
import Service
import ServiceLifecycle

/// Start reading here: the whole path of an event through the relay is the loop in ``relay(_:_:)``.
///
///     wake (doorbell or poll) ─► read the log by lanes ─► publish a window ─► record what was confirmed
///
/// A session lives as long as its connections do. What it knows beyond the ledger dies with it: the next session, or
/// the next process, goes on where the ledger ends.
actor RelaySession {
    private nonisolated let connections: RelayConnections
    private let settings: RelaySettings
    private let health: RelayHealth
    private let metrics: RelayMetrics

    private var inbox = EventInbox()
    private var window: PublishingWindow
    private(set) var faults: RowFaults
    private var encoder: MessageEncoder
    private var readSize = ReadSize()
    private var suspects = SuspectRows()
    private var backoffs: [Int: Backoff] = [:]
    /// By which relays count one another.
    private let presence = Int32.random(in: 1 ... .max)
    private var isReading = false
    /// Lanes that were taken since the read in progress began: its answer is not for them.
    private var takenWhileReading: Set<Int> = []
    private var isBalancing = false
    private var isParking = false
    private var isRecording = false
    /// When the ledger was last extended.
    private var lastRecord = ContinuousClock.now
    /// When the broker last said anything of what was published, or the first of it left.
    private var lastOutcome = ContinuousClock.now
    private var refusals = RefusalWatch()
    /// A lane waited, and nothing was confirmed since.
    private var isHeldUp = false

    /// The thread of the publisher, so that from confirm to next publish nobody has to be woken.
    nonisolated var unownedExecutor: UnownedSerialExecutor { connections.publisher.unownedExecutor }

    /// - Parameter faults: what the session before learned of rows that the broker does not bear.
    init(
        _ connections: RelayConnections, settings: RelaySettings, health: RelayHealth, metrics: RelayMetrics,
        faults: RowFaults
    ) {
        self.connections = connections
        self.faults = faults
        self.settings = settings
        self.health = health
        self.metrics = metrics
        window = PublishingWindow(
            size: settings.windowSize, laneCount: Lane.count, seriesLimit: settings.marketLimit)
        encoder = MessageEncoder(queue: settings.queue.name)
    }

    /// Relays until the program is to stop, and returns when all that was published is recorded.
    /// - Throws: the error that ended a connection; what was confirmed until then is recorded if that is possible.
    func run() async throws {
        try await connections.ledger.enlist(key: presence)
        let failure = await withDiscardingTaskGroup(returning: (any Error)?.self) { tasks in
            let post = EventPost(self)
            RelaySources(connections: connections, settings: settings, health: health, metrics: metrics).start(
                &tasks, post)
            post.watch(&tasks) { _ in try await self.awaitOutcomes() }
            defer { tasks.cancelAll() }
            do {
                try await relay(post, &tasks)
                return nil
            } catch {
                // Said at once, as the end may take as long as PostgreSQL's answer: what is being recorded is awaited. Nothing else is.
                health.failed(error)
                tasks.cancelAll()
                await connections.log.close()
                await connections.publisher.close()
                return error
            }
        }
        try await leave(failure)
    }

    /// The path of an event.
    private func relay(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) async throws {
        while let event = try await nextEvent() {
            try await handle(event, post, &tasks)  // wake, or learn what became of what was begun
            readLog(post, &tasks)
            try await publish()
            recordConfirmed(post, &tasks)
            leaveLanes(post, &tasks)
            if isHeldUp { await noticeRelief() }
            if window.isDraining && window.isSettled && !isRecording && !isBalancing { return }
        }
    }

    /// - Returns: nil when the task is cancelled.
    private func nextEvent() async throws -> RelayEvent? {
        while !Task.isCancelled {
            if let event = try inbox.take() { return event }
            await withTaskCancellationHandler {
                await withCheckedContinuation { inbox.wait($0) }
            } onCancel: {
                Task { await self.wake() }
            }
        }
        return nil
    }

    func receive(_ event: RelayEvent) { inbox.add(event) }
    func fail(_ error: any Error) { inbox.fail(error) }
    private func wake() { inbox.wake() }

    private func handle(
        _ event: RelayEvent, _ post: EventPost, _ tasks: inout DiscardingTaskGroup
    ) async throws {
        switch event {
        case .woken: window.woken()
        case .superseded:
            window.readAgain()
            health.readsAgain()
        case .read(let answer): append(answer)
        case .settled(let outcomes): try await settle(outcomes, post, &tasks)
        case .recorded(let entries):
            isRecording = false
            window.recorded(entries)
        case .resume(let lane): window.resume(lane: lane)
        case .musterDue: muster(post, &tasks)
        case .mustered(let share): balance(share, post, &tasks)
        case .left: isBalancing = false
        case .claimed(let claims): take(claims, post, &tasks)
        case .parked: isParking = false
        case .lookAtConfirms:
            await lookAtConfirms()
            try refusals.check(inFlight: window.inFlightCount, at: .now)
        case .drain: window.isDraining = true
        }
    }

    // MARK: lanes

    private func muster(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        guard !isBalancing, !window.isDraining else { return }
        isBalancing = true
        post.perform(&tasks) { [ledger = connections.ledger, presence] in
            .mustered(try await ledger.muster(key: presence))
        }
    }

    /// Takes free lanes or gives some up, so that all relays have the same number, give or take one.
    private func balance(_ share: LaneShare, _ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        isBalancing = false
        let kept = window.ownedLanes.count - window.leavingLanes.count
        if kept > share.target { window.leave(kept - share.target) }
        guard kept < share.target, !window.isDraining else { return }
        let missing = (0..<Lane.count).filter { !window.ownedLanes.contains($0) }
        isBalancing = true
        post.perform(&tasks) { [ledger = connections.ledger] in
            .claimed(try await ledger.claim(missing, limit: share.target - kept))
        }
    }

    /// Gives up the lanes that are to be left, once all that was published from them is in the ledger.
    private func leaveLanes(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        guard !isBalancing, !isRecording, !window.leavingLanes.isEmpty else { return }
        let left = window.takeLeft()
        guard !left.lanes.isEmpty else { return }
        let clean = left.clean.filter { !suspects.isSuspect(lane: $0) }
        suspects.leave(left.lanes)
        faults.keepOnly(lanes: Set(window.ownedLanes))
        metrics.lanesOwned.record(window.ownedLanes.count)
        health.leftLanes(left.lanes)
        isBalancing = true
        post.perform(&tasks) { [ledger = connections.ledger] in
            try await ledger.release(left.lanes, clean: clean)
            return .left
        }
    }

    private func take(_ claims: [LaneLedger.Claim], _ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        isBalancing = false
        guard !claims.isEmpty else { return }
        park(claims, post, &tasks)
        for claim in claims {
            window.take(lane: claim.lane, recordedUpTo: claim.recordedUpTo)
            suspects.take(claim, window: RelaySettings.windowSizes.upperBound)
            takenWhileReading.insert(claim.lane)
        }
        metrics.lanesOwned.record(window.ownedLanes.count)
        health.tookLanes(claims)
    }

    /// Parks the rows that the broker did not bear, in lanes that were just taken: now nobody else can publish them.
    private func park(_ claims: [LaneLedger.Claim], _ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        for claim in claims { faults.acquit(lane: claim.lane, upTo: claim.recordedUpTo) }
        let culprits = faults.takeCulprits(lanes: Set(claims.map(\.lane)))
        guard !culprits.isEmpty else { return }
        for culprit in culprits { health.parks(culprit) }
        metrics.parked.increment(by: culprits.count)
        isParking = true
        post.perform(&tasks) { [ledger = connections.ledger] in
            try await ledger.park(culprits)
            return .parked
        }
    }

    // MARK: read

    private func readLog(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        guard !isReading, !isParking, !window.isDraining else { return }
        let requests = window.takeUnread(capacity: settings.windowSize, limit: readSize.rowsPerLane)
        guard !requests.isEmpty else { return }
        isReading = true
        takenWhileReading = []
        post.perform(&tasks) { [log = connections.log] in .read(try await OutboxReader.read(requests, log)) }
    }

    private func append(_ read: OutboxReader.Answer) {
        isReading = false
        let (rows, requests) = (read.rows, read.requests)
        let answer = OutboxAnswer(rows)
        // A lane that was left meanwhile, and perhaps taken again, has nothing to do with this answer.
        let valid = Set(
            requests.filter { window.readUpTo(lane: $0.lane) == $0.afterID && !takenWhileReading.contains($0.lane) }
                .map(\.lane))
        var counts = [Int](repeating: 0, count: Lane.count)
        for position in 0..<rows.count {
            let lane = Int(rows.int2(position, OutboxReader.Column.lane))
            guard valid.contains(lane) else { continue }
            counts[lane] += 1
            let row = row(position, of: answer, lane: lane)
            let isExcepted = read.excepted.contains(row.id)
            if isExcepted { faults.acquit(row.id) }
            window.append(row, isExcepted: isExcepted, lane: lane)
        }
        for request in requests where valid.contains(request.lane) {
            if counts[request.lane] == request.limit {
                window.mayHaveMore(lane: request.lane)
            } else {
                suspects.wasReadToItsEnd(lane: request.lane)
            }
        }
        readSize.learn(rows: rows.count, bytes: rows.byteCount)
    }

    private func row(_ position: Int, of answer: OutboxAnswer, lane: Int) -> OutboxRow {
        let rows = answer.rows
        let createdAt = rows.timestampMilliseconds(position, OutboxReader.Column.createdAt)
        let id = rows.int8(position, OutboxReader.Column.id)
        return OutboxRow(
            id: id,
            series: OutboxRow.Series(
                market: rows.int4(position, OutboxReader.Column.market),
                kind: encoder.kind(named: rows.bytes(position, OutboxReader.Column.recordType))),
            createdAt: createdAt,
            isPossiblyRedelivered: suspects.isSuspect(lane: lane, createdAt: createdAt), attempt: faults.attempt(id),
            bodyBytes: rows.byteCount(position, OutboxReader.Column.body),
            answer: answer, position: position)
    }

    // MARK: publish

    private func publish() async throws {
        let isCareful = faults.areIn(window.ownedLanes)
        guard isCareful ? window.inFlightCount == 0 : window.isBurstDue else { return }
        let now = ContinuousClock.now
        if window.inFlightCount == 0 { lastOutcome = now }
        let taken = window.takeReady(limit: isCareful ? 1 : 1000, at: now)
        guard !taken.isEmpty else { return }
        Failpoint.reach("relay.claimed")
        let tags = try await connections.publisher.publish(encoder.encode(taken.lazy.map(\.row)))
        window.published(taken.lazy.map(\.place), firstTag: tags.lowerBound)
        Failpoint.reach("relay.published")
    }

    private func awaitOutcomes() async throws {
        while true { receive(.settled(try await connections.publisher.nextOutcomes())) }
    }

    private func settle(
        _ outcomes: [Outcome], _ post: EventPost, _ tasks: inout DiscardingTaskGroup
    ) async throws {
        lastOutcome = .now
        if faults.areIn(window.ownedLanes) { for row in window.inFlightRows { faults.acquit(row.row.id) } }
        let now = WallClock.milliseconds
        for outcome in outcomes {
            switch outcome {
            case .confirmed(let tags):
                window.confirmed(tags) { metrics.confirmed($0, at: now) }
                refusals.confirmed()
                health.vitals.published(tags.count)
            case .refused(let tags):
                metrics.refused.increment(by: tags.count)
                refusals.refused(at: lastOutcome)
                pause(window.refused(tags), "the broker refuses messages (is the queue full?)", post, &tasks)
            case .returned(let tag, let code, let text):
                metrics.returned.increment()
                pause(window.refused(tag...tag, isUncertain: false), "unroutable: \(code) \(text)", post, &tasks)
                try await connections.publisher.ensureQueue()
            }
        }
        Failpoint.reach("relay.confirmed")
        if window.pausedLanes.isEmpty { nothingIsHeldUp() }
    }

    /// What waited may also be another relay's by now, or superseded: then nobody confirms it here.
    private func noticeRelief() async {
        guard window.pausedLanes.isEmpty, window.isQuiet, await !connections.publisher.isBlocked else { return }
        refusals = RefusalWatch()
        nothingIsHeldUp()
    }

    private func nothingIsHeldUp() {
        isHeldUp = false
        backoffs.removeAll()
        health.delivering()
    }

    /// The lanes wait before they try again: an outage of the queue spends no attempt of any row.
    private func pause(
        _ lanes: [Int], _ reason: String, _ post: EventPost, _ tasks: inout DiscardingTaskGroup
    ) {
        isHeldUp = true
        health.notDelivering(reason, queue: settings.queue.name)
        for lane in lanes {
            let wait = backoffs[lane, default: Backoff()].next()
            post.perform(&tasks) {
                try await Task.sleep(for: wait)
                return .resume(lane: lane)
            }
        }
    }

    /// A broker that accepts and does not confirm (a quorum queue without its majority, say) is waited for: to publish
    /// again would only repeat.
    private func lookAtConfirms() async {
        let silence = ContinuousClock.now - lastOutcome
        guard window.inFlightCount > 0, silence > .seconds(10), await !connections.publisher.isBlocked else { return }
        health.notDelivering("no confirm for \(silence.components.seconds) s", queue: settings.queue.name)
    }

    // MARK: record

    /// Under load the ledger is extended every 20 ms or half window, whichever is first; when nothing is on its way, at
    /// once. One extension at a time. There is no timer: confirms keep coming while rows are on their way, and should the
    /// broker fall silent, the next muster brings it here.
    private func recordConfirmed(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        guard !isRecording else { return }
        let rows = window.recordableCount
        guard rows > 0 else { return }
        let now = ContinuousClock.now
        guard
            window.isDraining || window.isQuiet || rows >= settings.windowSize / 2
                || now - lastRecord >= .milliseconds(20)
        else { return }
        let entries = window.ledgerEntries
        lastRecord = now
        isRecording = true
        post.perform(&tasks) { [ledger = connections.ledger] in
            try await ledger.record(entries)
            return .recorded(entries)
        }
    }

    /// What was confirmed, or recorded, and not handled yet when the session failed: each would be repeated for nothing.
    private func takeLastEvents() {
        while let event = try? inbox.take() {
            switch event {
            case .settled(let outcomes): for case .confirmed(let tags) in outcomes { window.confirmed(tags) }
            case .recorded(let entries): window.recorded(entries)
            default: break
            }
        }
    }

    private func leave(_ failure: (any Error)?) async throws {
        if let failure {
            takeLastEvents()
            faults.keepOnly(lanes: Set(window.ownedLanes))
            faults.note(failure, inFlight: window.inFlightRows.map { ($0.lane, $0.row.id) })
            // Should the entries be there already, because only the answer was missed, they are refused.
            let entries = window.ledgerEntries
            if !entries.isEmpty { try? await connections.ledger.record(entries) }
            throw failure
        }
        try await connections.ledger.release(
            window.ownedLanes, clean: window.cleanLanes.filter { !suspects.isSuspect(lane: $0) })
        try await health.vitals.remove(connections.ledger.connection)
    }
}
