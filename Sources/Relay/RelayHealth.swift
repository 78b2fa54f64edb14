import Logging
import Service

/// What the relay says about itself in `/readyz` and the log.
struct RelayHealth: Sendable {
    let readiness: Readiness
    let logger: Logger

    init(_ readiness: Readiness, logger: Logger) {
        self.readiness = readiness
        self.logger = logger
        readiness.declare("postgres", "rabbitmq", "output queue")
    }

    func connected(_ name: String) {
        if readiness.set(name, .ready) { logger.info("connected", metadata: ["to": "\(name)"]) }
    }

    func unavailable(_ name: String, _ error: any Error) {
        if readiness.set(name, .notReady("\(error)")) {
            logger.warning("unavailable, retrying", metadata: ["what": "\(name)", "error": "\(error)"])
        }
    }

    func delivering() {
        if readiness.set("output queue", .ready) { logger.info("the output queue takes messages") }
    }

    func notDelivering(_ reason: String, queue: String) {
        if readiness.set("output queue", .notReady("\(queue): \(reason)")) {
            logger.warning("lanes wait", metadata: ["queue": "\(queue)", "reason": "\(reason)"])
        }
    }

    func tookLanes(_ claims: [LaneLedger.Claim]) {
        let lanes = claims.map { "\($0.lane)" }.joined(separator: ",")
        let unclean = claims.filter(\.isUnclean).map { "\($0.lane)" }.joined(separator: ",")
        logger.info("took lanes", metadata: ["lanes": "\(lanes)", "left.unclean": "\(unclean)"])
    }
}
