import Logging
import Postgres
import ProgramRuntime
import Storing

/// Says that nothing can be stored, why, and what mends it: in `/readyz` at all times, in the log when the reason changes and
/// once a minute.
struct StoreOutage {
    private let readiness: Readiness
    private let logger: Logger
    private var throttle = LogThrottle(every: .seconds(60))
    private var reason: String?
    /// There is a session, and the database refuses all the same: only a commit ends this.
    private var isRefused = false

    init(_ readiness: Readiness, logger: Logger) {
        self.readiness = readiness
        self.logger = logger
    }

    /// Something went wrong that is no row's fault.
    mutating func failed(_ error: any Error) {
        let refusal = error as? PostgresError
        if refusal?.isConflict == true {
            return logger.debug("another transaction conflicted, trying again", metadata: ["error": "\(error)"])
        }
        isRefused = refusal?.kind == .server
        say(
            isRefused ? "the server refused a statement, retrying" : "unavailable, retrying", "\(error)",
            refusal?.remedy)
    }

    /// A table takes no record at all.
    mutating func tableRefuses(_ table: String, _ error: PostgresError) {
        isRefused = true
        say("a table refuses every record, retrying", "\(table) refuses every record: \(error)", error.remedy)
    }

    private mutating func say(_ message: Logger.Message, _ error: String, _ remedy: String?) {
        let text = remedy.map { "\($0) (\(error))" } ?? error
        readiness.set(.postgres, .notReady(text))
        if text != reason { _ = throttle.clear() }
        reason = text
        guard case .say = throttle.report(at: .now) else { return }
        var metadata: Logger.Metadata = ["what": "postgres", "error": "\(error)"]
        if let remedy { metadata["remedy"] = "\(remedy)" }
        logger.warning(message, metadata: metadata)
    }

    /// There is a session.
    mutating func connected() {
        if !isRefused { end("connected") }
    }

    /// Something was committed.
    mutating func ended() {
        isRefused = false
        if reason != nil { end("records are stored again") }
    }

    private mutating func end(_ message: Logger.Message) {
        reason = nil
        _ = throttle.clear()
        if readiness.set(.postgres, .ready) { logger.info(message, metadata: ["to": "postgres"]) }
    }
}
