import Logging
import Service
import Synchronization

/// Whether messages that were taken are stored: a writer that takes some and then stores nothing, whatever the reason, is
/// not ready, even if both servers answer.
final class WriterProgress: Sendable {
    /// How long nothing may be stored while messages wait for it.
    static let limit = Duration.seconds(60)

    private struct State {
        var batches = 0
        /// When the oldest of them was taken, or the last one stored.
        var since = ContinuousClock.now
    }

    private let state = Mutex(State())
    private let readiness: Readiness
    private let logger: Logger

    init(_ readiness: Readiness, logger: Logger) {
        (self.readiness, self.logger) = (readiness, logger)
        readiness.declare("progress")
        readiness.set("progress", .ready)
    }

    /// A batch was taken and waits to be stored.
    func took(at now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            if state.batches == 0 { state.since = now }
            state.batches += 1
        }
    }

    /// One of the batches is committed.
    func stored(at now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            state.batches = max(0, state.batches - 1)
            state.since = now
        }
    }

    /// Nothing waits any more: the connection that the messages came by is gone, and they come again.
    func lost() { state.withLock { $0.batches = 0 } }

    /// Looks every second until the task is cancelled.
    func watch() async {
        while !Task.isCancelled {
            check()
            try? await Task.sleep(for: .seconds(1))
        }
    }

    func check(at now: ContinuousClock.Instant = .now) {
        let still = state.withLock { $0.batches > 0 ? now - $0.since : .zero }
        guard still > Self.limit else {
            if readiness.set("progress", .ready) { logger.info("messages are stored again") }
            return
        }
        let seconds = still.components.seconds
        if readiness.set("progress", .notReady("messages were taken, and none was stored for \(seconds) s")) {
            logger.error("nothing is stored though messages were taken", metadata: ["seconds": "\(seconds)"])
        }
    }
}
