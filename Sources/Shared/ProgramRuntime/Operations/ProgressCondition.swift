public import Logging

/// The condition `progress` of `/readyz`: work that waits and is not done makes a program not ready, even if all servers answer.
public struct ProgressCondition: Sendable {
    /// How long work may stand still.
    public static let limit = Duration.seconds(60)

    private let readiness: Readiness
    private let logger: Logger
    private let moves: Logger.Message
    private let stands: Logger.Message

    /// Declares the condition, and sets it ready.
    /// - Parameters:
    ///   - moves: what the log says when work is done again.
    ///   - stands: what it says when none is.
    public init(_ readiness: Readiness, logger: Logger, moves: Logger.Message, stands: Logger.Message) {
        (self.readiness, self.logger, self.moves, self.stands) = (readiness, logger, moves, stands)
        readiness.declare(.progress)
        readiness.set(.progress, .ready)
    }

    /// Sets it by how long work has stood still.
    /// - Parameter reason: what `/readyz` says beyond the limit; gets the seconds.
    public func set(stillFor time: Duration, _ reason: (_ seconds: Int64) -> String) {
        guard time > Self.limit else {
            if readiness.set(.progress, .ready) { logger.info(moves) }
            return
        }
        let seconds = time.components.seconds
        if readiness.set(.progress, .notReady(reason(seconds))) {
            logger.error(stands, metadata: ["seconds": "\(seconds)"])
        }
    }

    /// Calls `check` every five seconds until the task is cancelled.
    public static func watch(_ check: () -> Void) async {
        while !Task.isCancelled {
            check()
            try? await Task.sleep(for: .seconds(5))
        }
    }
}
