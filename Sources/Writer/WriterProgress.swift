import Logging
import Service
import Synchronization

/// Whether messages that were taken are stored: a writer that takes some and then stores nothing, whatever the reason, is
/// not ready, even if both servers answer.
final class WriterProgress: Sendable {
    private struct State {
        var batches = 0
        /// When the oldest of them was taken, or the last one stored.
        var since = ContinuousClock.now
        var lastStored: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let condition: ProgressCondition

    init(_ readiness: Readiness, logger: Logger) {
        condition = ProgressCondition(
            readiness, logger: logger, moves: "messages are stored again",
            stands: "nothing is stored though messages were taken")
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
            state.lastStored = now
        }
    }

    /// Whether a batch was committed after this moment.
    func hasStored(since moment: ContinuousClock.Instant) -> Bool {
        state.withLock { $0.lastStored.map { $0 > moment } ?? false }
    }

    /// Nothing waits any more: the connection that the messages came by is gone, and they come again.
    func lost() { state.withLock { $0.batches = 0 } }

    /// Looks every second until the task is cancelled.
    func watch() async { await ProgressCondition.watch { check() } }

    func check(at now: ContinuousClock.Instant = .now) {
        let still = state.withLock { $0.batches > 0 ? now - $0.since : .zero }
        condition.set(stillFor: still) { "messages were taken, and none was stored for \($0) s" }
    }
}
