import EventLoop
import Logging
import ProgramRuntime
import Synchronization

/// Whether messages that were taken are stored: a writer that takes some and then stores nothing, whatever the reason, is
/// not ready, even if both servers answer.
final class WriterProgress: Sendable {
    private struct State {
        var batches = 0
        /// Batches that were committed since the start.
        var committed = 0
        /// When the oldest of them was taken, or the last one stored.
        var since = ContinuousClock.now
    }

    private let state = Mutex(State())
    private let condition: ProgressCondition

    init(_ readiness: Readiness, logger: Logger) {
        condition = ProgressCondition(
            readiness, logger: logger, moves: "storing has resumed",
            stands: "storing has stalled: messages were received and none is stored")
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
            state.committed += 1
            state.since = now
        }
    }

    /// Nothing waits any more: the connection that the messages came by is gone, and they come again.
    func lost() { state.withLock { $0.batches = 0 } }

    /// How many batches were committed since the start.
    var committed: Int { state.withLock { $0.committed } }

    /// Returns when a batch has waited for so long to be stored.
    func awaitStandstill(of limit: Duration) async throws {
        repeat { try await PollThread.sleep(for: min(limit / 4, .seconds(1))) } while still(at: .now) < limit
    }

    /// For how long batches have waited, and none was stored.
    private func still(at now: ContinuousClock.Instant) -> Duration {
        state.withLock { $0.batches > 0 ? now - $0.since : .zero }
    }

    /// Looks every five seconds until the task is cancelled.
    func watch() async { await ProgressCondition.watch { check() } }

    func check(at now: ContinuousClock.Instant = .now) {
        condition.set(stillFor: still(at: now)) { "messages were taken, and none was stored for \($0) s" }
    }
}
