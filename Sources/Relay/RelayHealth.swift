import CoreMetrics
import Logging
import Outbox
import Postgres
import ProgramRuntime

/// What the relay says about itself in `/readyz` and the log.
struct RelayHealth: Sendable {
    let readiness: Readiness
    let logger: Logger
    let vitals: RelayVitals
    let progress: RelayProgress
    private let outputReady = Gauge(label: "candlepost_relay_output_ready")

    init(_ readiness: Readiness, vitals: RelayVitals, logger: Logger) {
        self.readiness = readiness
        self.vitals = vitals
        self.logger = logger
        readiness.declare("postgres", "rabbitmq", "output queue")
        progress = RelayProgress(readiness, logger: logger)
    }

    func connected(_ name: String) {
        if readiness.set(name, .ready) { logger.info("connected", metadata: ["to": "\(name)"]) }
    }

    /// A server that can't be reached, or a session with it that has ended.
    func unavailable(_ name: String, _ error: any Error) {
        vitals.failed("\(name): \(error)")
        if readiness.set(name, .notReady("\(error)")) {
            let isThere = (error as? PostgresError)?.kind == .server
            logger.warning(
                isThere ? "the server refused a statement, retrying" : "unavailable, retrying",
                metadata: ["what": "\(name)", "error": "\(error)"])
        }
    }

    /// A connection of the session has failed.
    func failed(_ error: any Error) { unavailable(error is PostgresError ? "postgres" : "rabbitmq", error) }

    /// What a session has to tell.
    func say(_ news: SessionNews, _ metrics: RelayMetrics, queue: String) {
        switch news {
        case .confirmed(let rows):
            let now = WallClock.milliseconds
            for (row, leftAt) in rows { metrics.confirmed(row, at: now, after: .now - leftAt) }
            vitals.published(rows.count)
        case .refused(let count): metrics.refused.increment(by: count)
        case .returned: metrics.returned.increment()
        case .outputQueue(nil): delivering()
        case .outputQueue(let trouble?): notDelivering(trouble, queue: queue)
        case .ledger(nil): connected("postgres")
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
        outputReady.record(1)
        if readiness.set("output queue", .ready) { logger.info("the output queue accepts messages") }
    }

    private func notDelivering(_ reason: String, queue: String) {
        outputReady.record(0)
        vitals.failed("\(queue): \(reason)")
        if readiness.set("output queue", .notReady("\(queue): \(reason)")) {
            logger.warning(
                "the output queue does not accept messages: lanes are paused",
                metadata: ["queue": "\(queue)", "reason": "\(reason)"])
        }
    }

    private func ledgerHeld(_ reason: String) {
        vitals.failed("ledger: \(reason)")
        if readiness.set("postgres", .notReady("the ledger cannot be written, nothing is published: \(reason)")) {
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
