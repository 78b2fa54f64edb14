import AMQP
import CoreMetrics
import Logging
import Postgres
import Records
import Schema
import Service
import ServiceLifecycle

/// Start reading here: the whole path of an event through the relay is the loop in ``relay(_:_:_:)``.
///
///     wake (doorbell or poll) ─► read the log by lanes ─► publish a window ─► record what was confirmed
///
/// A session lives as long as its connections do. What it knows beyond the ledger dies with it: the next session, or
/// the next process, goes on where the ledger ends.
actor RelaySession {
    private typealias Events = AsyncThrowingStream<RelayEvent, any Error>

    private let connections: RelayConnections
    private let settings: RelaySettings
    private let health: RelayHealth
    private let metrics: RelayMetrics

    private var window: PublishingWindow
    private var encoder: MessageEncoder
    private var readSize = ReadSize()
    private var suspects = SuspectRows()
    private var backoffs: [Int: Backoff] = [:]
    private var isReading = false
    private var isClaiming = false
    private var isRecording = false
    private var isRecordDue = false
    private var isRecordTimed = false
    private var isDraining = false

    init(_ connections: RelayConnections, settings: RelaySettings, health: RelayHealth, metrics: RelayMetrics) {
        self.connections = connections
        self.settings = settings
        self.health = health
        self.metrics = metrics
        window = PublishingWindow(size: settings.windowSize, laneCount: Lane.count)
        encoder = MessageEncoder(queue: settings.queue.name)
    }

    /// Relays until the program is to stop, and returns when all that was published is recorded.
    /// - Throws: the error that ended a connection; what was confirmed until then is recorded if that is possible.
    func run() async throws {
        let (events, inbox) = Events.makeStream()
        let failure = await withDiscardingTaskGroup(returning: (any Error)?.self) { tasks in
            let post = EventPost(inbox)
            RelaySources(connections: connections, settings: settings, health: health, metrics: metrics).start(
                &tasks, post)
            defer { tasks.cancelAll() }
            do {
                try await relay(events, post, &tasks)
                return nil
            } catch {
                return error
            }
        }
        try await leave(failure)
    }

    /// The path of an event.
    private func relay(_ events: Events, _ post: EventPost, _ tasks: inout DiscardingTaskGroup) async throws {
        for try await event in events {
            try await handle(event, post, &tasks)  // wake, or learn what became of what was begun
            readLog(post, &tasks)
            try await publish()
            recordConfirmed(post, &tasks)
            if isDraining && window.isSettled && !isRecording { return }
        }
    }

    private func handle(
        _ event: RelayEvent, _ post: EventPost, _ tasks: inout DiscardingTaskGroup
    ) async throws {
        switch event {
        case .woken: window.woken()
        case .read(let rows, let requests): append(rows, requests)
        case .settled(let outcomes): try await settle(outcomes, post, &tasks)
        case .recorded(let entries):
            isRecording = false
            window.recorded(entries)
        case .recordDue:
            isRecordTimed = false
            isRecordDue = true
        case .resume(let lane): window.resume(lane: lane)
        case .claimDue: claimLanes(post, &tasks)
        case .claimed(let claims): take(claims)
        case .drain: isDraining = true
        }
    }

    // MARK: lanes

    private func claimLanes(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        let missing = (0..<Lane.count).filter { !window.ownedLanes.contains($0) }
        guard !missing.isEmpty, !isClaiming, !isDraining else { return }
        isClaiming = true
        post.perform(&tasks) { [ledger = connections.ledger] in .claimed(try await ledger.claim(missing)) }
    }

    private func take(_ claims: [LaneLedger.Claim]) {
        isClaiming = false
        guard !claims.isEmpty else { return }
        for claim in claims {
            window.take(lane: claim.lane, recordedUpTo: claim.recordedUpTo)
            suspects.take(claim, window: settings.windowSize)
        }
        metrics.lanesOwned.record(window.ownedLanes.count)
        health.tookLanes(claims)
    }

    // MARK: read

    private func readLog(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        guard !isReading, !isDraining else { return }
        let requests = window.takeUnread(capacity: settings.windowSize, limit: readSize.rowsPerLane)
        guard !requests.isEmpty else { return }
        isReading = true
        let statement = OutboxReader.statement(requests)
        post.perform(&tasks) { [log = connections.log] in .read(try await log.pipeline([statement])[0], requests) }
    }

    private func append(_ rows: Rows, _ requests: [OutboxReader.Request]) {
        isReading = false
        let answer = OutboxAnswer(rows)
        var counts = [Int](repeating: 0, count: Lane.count)
        for position in 0..<rows.count {
            let lane = Int(rows.int2(position, OutboxReader.Column.lane))
            counts[lane] += 1
            window.append(row(position, of: answer, lane: lane), lane: lane)
        }
        for request in requests where counts[request.lane] == request.limit { window.mayHaveMore(lane: request.lane) }
        readSize.learn(rows: rows.count, bytes: rows.byteCount)
    }

    private func row(_ position: Int, of answer: OutboxAnswer, lane: Int) -> OutboxRow {
        let rows = answer.rows
        let createdAt = rows.timestampMilliseconds(position, OutboxReader.Column.createdAt)
        return OutboxRow(
            id: rows.int8(position, OutboxReader.Column.id),
            series: OutboxRow.Series(
                market: rows.int4(position, OutboxReader.Column.market),
                kind: encoder.kind(named: rows.bytes(position, OutboxReader.Column.recordType))),
            createdAt: createdAt,
            isPossiblyRedelivered: suspects.isSuspect(lane: lane, createdAt: createdAt),
            bodyBytes: rows.byteCount(position, OutboxReader.Column.body),
            answer: answer, position: position)
    }

    // MARK: publish

    private func publish() async throws {
        guard !isDraining else { return }
        let taken = window.takeReady()
        guard !taken.isEmpty else { return }
        Failpoint.reach("relay.claimed")
        let tags = try await connections.publisher.publish(encoder.encode(taken.map(\.row)))
        window.published(taken.map(\.place), firstTag: tags.lowerBound)
        Failpoint.reach("relay.published")
    }

    private func settle(
        _ outcomes: [Outcome], _ post: EventPost, _ tasks: inout DiscardingTaskGroup
    ) async throws {
        for outcome in outcomes {
            switch outcome {
            case .confirmed(let tags):
                window.confirmed(tags)
                metrics.published.increment(by: tags.count)
            case .refused(let tags):
                metrics.refused.increment(by: tags.count)
                pause(window.refused(tags), "the broker refuses messages (is the queue full?)", post, &tasks)
            case .returned(let tag, let code, let text):
                metrics.returned.increment()
                pause(window.refused(tag...tag), "unroutable: \(code) \(text)", post, &tasks)
                try await connections.publisher.ensureQueue()
            }
        }
        Failpoint.reach("relay.confirmed")
        if window.pausedLanes.isEmpty {
            backoffs.removeAll()
            health.delivering()
        }
    }

    /// The lanes wait before they try again: an outage of the queue spends no attempt of any row.
    private func pause(
        _ lanes: [Int], _ reason: String, _ post: EventPost, _ tasks: inout DiscardingTaskGroup
    ) {
        health.notDelivering(reason, queue: settings.queue.name)
        for lane in lanes {
            let wait = backoffs[lane, default: Backoff()].next()
            post.perform(&tasks) {
                try await Task.sleep(for: wait)
                return .resume(lane: lane)
            }
        }
    }

    // MARK: record

    /// Under load the ledger is extended every 20 ms or half window, whichever is first; when nothing is on its way, at
    /// once. One extension at a time.
    private func recordConfirmed(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        guard !isRecording else { return }
        let entries = window.ledgerEntries
        guard !entries.isEmpty else { return }
        let rows = entries.reduce(0) { $0 + $1.rows }
        guard isDraining || isRecordDue || rows >= settings.windowSize / 2 || window.isQuiet else {
            if !isRecordTimed { startRecordTimer(post, &tasks) }
            return
        }
        isRecordDue = false
        isRecording = true
        post.perform(&tasks) { [ledger = connections.ledger] in
            try await ledger.record(entries)
            return .recorded(entries)
        }
    }

    private func startRecordTimer(_ post: EventPost, _ tasks: inout DiscardingTaskGroup) {
        isRecordTimed = true
        post.perform(&tasks) {
            try await Task.sleep(for: .milliseconds(20))
            return .recordDue
        }
    }

    private func leave(_ failure: (any Error)?) async throws {
        if let failure {
            let entries = window.ledgerEntries
            if !isRecording && !entries.isEmpty { try? await connections.ledger.record(entries) }
            throw failure
        }
        try await connections.ledger.release(window.cleanLanes)
    }
}
