import CoreMetrics
import Logging
import Outbox
import Postgres
import ProgramRuntime
import Traces

/// What the relay says about itself: each fact is told here once, and goes into `/readyz`, the log, the metrics and the table
/// `relays`.
struct RelayReport: Sendable {
    let logger: Logger
    private let queue: String
    private let readiness: Readiness
    private let metrics: RelayMetrics
    private let vitals: RelayVitals
    private let progress: RelayProgress

    /// - Parameters:
    ///   - queue: the output queue.
    ///   - relay: this process, in the table `relays`.
    ///   - tracer: takes the spans of sampled events; nil where nobody wants any.
    init(_ readiness: Readiness, queue: String, relay: String, tracer: Tracer?, logger: Logger) {
        self.readiness = readiness
        self.queue = queue
        self.logger = logger
        metrics = RelayMetrics(tracer: tracer, queue: queue)
        vitals = RelayVitals(relay: relay)
        readiness.declare(.postgres, .rabbitmq, .outputQueue)
        progress = RelayProgress(readiness, logger: logger)
    }

    /// Looks at the progress and sends spans until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await progress.watch() }
            if let tracer = metrics.tracer { group.addTask { await tracer.run() } }
        }
    }

    func connected(_ name: ConditionName) {
        if readiness.set(name, .ready) { logger.info("connected", metadata: ["to": "\(name)"]) }
    }

    /// A server that can't be reached, or a session with it that has ended.
    func unavailable(_ name: ConditionName, _ error: any Error) {
        vitals.failed("\(name): \(error)")
        if readiness.set(name, .notReady("\(error)")) {
            let isThere = (error as? PostgresError)?.kind == .server
            logger.warning(
                isThere ? "the server refused a statement, retrying" : "unavailable, retrying",
                metadata: ["what": "\(name)", "error": "\(error)"])
        }
    }

    /// A connection of the session has failed.
    func failed(_ error: any Error) { unavailable(error is PostgresError ? .postgres : .rabbitmq, error) }

    /// What a session has to tell.
    func say(_ news: SessionNews) {
        switch news {
        case .confirmed(let rows):
            let now = WallClock.milliseconds
            for (row, leftAt) in rows { metrics.confirmed(row, at: now, after: .now - leftAt) }
            vitals.published(rows.count)
        case .refused(let count): metrics.refused.increment(by: count)
        case .returned: metrics.returned.increment()
        case .outputQueue(nil): delivering()
        case .outputQueue(let trouble?): notDelivering(trouble)
        case .ledger(nil): connected(.postgres)
        case .ledger(let trouble?): ledgerHeld(trouble)
        case .parks(let rows):
            metrics.parked.increment(by: rows.count)
            for row in rows { parks(row) }
        case .tookLanes(let claims, let owned):
            metrics.lanesOwned.record(owned)
            tookLanes(claims)
        case .leftLanes(let lanes, let owned):
            metrics.lanesOwned.record(owned)
            leftLanes(lanes)
        case .readsAgain: logger.info("rows were superseded: unpublished rows are read again")
        }
    }

    private func delivering() {
        metrics.outputReady.record(1)
        if readiness.set(.outputQueue, .ready) { logger.info("the output queue accepts messages") }
    }

    private func notDelivering(_ reason: String) {
        metrics.outputReady.record(0)
        vitals.failed("\(queue): \(reason)")
        if readiness.set(.outputQueue, .notReady("\(queue): \(reason)")) {
            logger.warning(
                "the output queue does not accept messages: lanes are paused",
                metadata: ["queue": "\(queue)", "reason": "\(reason)"])
        }
    }

    private func ledgerHeld(_ reason: String) {
        vitals.failed("ledger: \(reason)")
        if readiness.set(.postgres, .notReady("the ledger cannot be written, nothing is published: \(reason)")) {
            logger.error(
                "the ledger cannot be written: nothing is published until it can", metadata: ["error": "\(reason)"])
        }
    }

    private func parks(_ row: PoisonRows.Row) {
        logger.error(
            "parked a row that the broker rejects: see `relay parked list`",
            metadata: [
                "outbox.id": "\(row.id)", "attempts": "\(row.attempts)", "reason": "\(row.reason)",
            ].with(row.trace))
    }

    /// The session is over, and with it the lanes.
    func ownsNoLanes() { metrics.lanesOwned.record(0) }

    func woken(byDoorbell: Bool) {
        (byDoorbell ? metrics.wokenByDoorbell : metrics.wokenByPoll).increment()
        vitals.woken(byDoorbell: byDoorbell)
    }

    /// What is pending, as it was just looked at.
    func pending(_ report: PendingReport) {
        metrics.report(report)
        progress.looked(report)
    }

    /// Writes into the table `relays` how this one is.
    func write(_ connection: PostgresConnection) async throws(PostgresError) { try await vitals.write(connection) }

    /// Stopped in good order: nobody misses this relay.
    func leave(_ connection: PostgresConnection) async throws(PostgresError) { try await vitals.remove(connection) }

    /// Settings of the output queue that drop messages after their confirm: nobody else would ever learn of it.
    func losses(_ settings: [String]) {
        for setting in settings {
            logger.warning(
                "the output queue loses messages that it has confirmed",
                metadata: ["queue": "\(queue)", "setting": "\(setting)"])
        }
    }

    func listenFailed(_ error: PostgresError) {
        logger.warning("LISTEN failed: rows are found by polling", metadata: ["error": "\(error)"])
    }

    func doorbell(isHeard: Bool, poll: Duration) {
        vitals.doorbell(isHeard: isHeard)
        guard !isHeard else { return }
        logger.warning(
            "NOTIFY does not arrive (a connection pooler in between?): rows are found by polling",
            metadata: ["poll": "\(poll)"])
    }

    func retained(_ step: Retention.Step) {
        switch step {
        case .kept(_, "not older than the retention"): break
        case .kept: logger.warning("retention has to wait", metadata: ["step": "\(step)"])
        default: logger.info("retention", metadata: ["step": "\(step)"])
        }
    }

    func retentionFailed(_ error: any Error) {
        logger.warning("retention failed, tried again later", metadata: ["error": "\(error)"])
    }

    private func tookLanes(_ claims: [LaneLedger.Claim]) {
        let lanes = claims.map { "\($0.lane)" }.joined(separator: ",")
        let unclean = claims.filter(\.isUnclean).map { "\($0.lane)" }.joined(separator: ",")
        logger.info("took lanes", metadata: ["lanes": "\(lanes)", "left.unclean": "\(unclean)"])
    }

    private func leftLanes(_ lanes: [Int]) {
        logger.info(
            "left lanes to another relay", metadata: ["lanes": "\(lanes.map(String.init).joined(separator: ","))"])
    }
}
