import CoreMetrics
import Logging
import Outbox
import Postgres
import ProgramRuntime
import Schema
import ServiceLifecycle
import Synchronization

/// Looks at the database once a second while somebody looks at the pages, however many they are, and every ten seconds while
/// nobody does. Pages show what it saw last; streams hear that there is something new.
final class StatusFeed: ServiceLifecycle.Service {
    private static let mostListeners = 256

    /// What was seen last; nil before the first look.
    struct Seen: Sendable {
        var overview: Overview?
        /// Rises with each look.
        var version: UInt64 = 0
        /// Why the last look failed; nil if it did not.
        var failure: String?
    }

    private struct State {
        var seen = Seen()
        var listeners: [UInt64: AsyncStream<UInt64>.Continuation] = [:]
        var nextListener: UInt64 = 0
        var askedAt: ContinuousClock.Instant?
    }

    private let configuration: PostgresConfiguration
    private let readiness: Readiness
    private let metrics: ConsoleMetrics
    private let logger: Logger
    private let state = Mutex(State())
    private let bell = Bell()

    init(_ configuration: PostgresConfiguration, readiness: Readiness, metrics: ConsoleMetrics, logger: Logger) {
        var own = configuration
        own.applicationName += " status"
        own.parameters = OutboxReader.plannerSettings
        own.parameters["default_transaction_read_only"] = "on"
        self.configuration = own
        self.readiness = readiness
        self.metrics = metrics
        self.logger = logger
        readiness.declare(.postgres)
    }

    /// What was seen last. Asking keeps it fresh.
    var seen: Seen {
        let (seen, wasIdle) = state.withLock { state in
            let wasIdle = state.askedAt.map { .now - $0 > .seconds(10) } ?? true
            state.askedAt = .now
            return (state.seen, wasIdle)
        }
        if wasIdle { bell.ring() }
        return seen
    }

    /// How many pages hear of what is new.
    var listenerCount: Int { state.withLock { $0.listeners.count } }

    /// Versions as they come, the newest first of those that were missed.
    /// - Returns: nil when too many listen.
    func versions() -> AsyncStream<UInt64>? {
        let (stream, continuation) = AsyncStream.makeStream(of: UInt64.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state -> UInt64? in
            guard state.listeners.count < Self.mostListeners else { return nil }
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            return state.nextListener
        }
        guard let number else { return nil }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.listeners.removeValue(forKey: number) }
        }
        bell.ring()
        return stream
    }

    func run() async {
        var backoff = Backoff(maximum: .seconds(5))
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                let connection = try await Database.connect(configuration, logger: logger)
                backoff.reset()
                _ = try await cancelWhenGracefulShutdown { try await self.look(connection) }
            } catch {
                guard !(error is CancellationError) else { break }
                note("\(error)")
            }
            await pause(backoff.next())
        }
        state.withLock { state in
            for listener in state.listeners.values { listener.finish() }
        }
    }

    private func look(_ connection: PostgresConnection) async throws {
        let result: Result<Void, any Error>
        do {
            var overview = Overview()
            while !Task.isCancelled {
                metrics.statusQueries.increment()
                try await overview.update(connection)
                try await AppliedKinds.refresh(connection)
                note(overview)
                await pause(isWatched ? .seconds(1) : .seconds(10))
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await connection.close()
        try result.get()
    }

    private var isWatched: Bool {
        state.withLock { state in
            !state.listeners.isEmpty || state.askedAt.map { .now - $0 < .seconds(10) } ?? false
        }
    }

    /// Until the time is over, or somebody begins to look.
    private func pause(_ time: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await cancelWhenGracefulShutdown { try await Task.sleep(for: time) } }
            if time > .seconds(1) { group.addTask { try? await self.bell.wait() } }
            await group.next()
            group.cancelAll()
        }
    }

    private func note(_ overview: Overview) {
        if readiness.set(.postgres, .ready) { logger.info("postgres is there") }
        publish { $0.overview = overview }
    }

    private func note(_ failure: String) {
        if readiness.set(.postgres, .notReady(failure)) {
            logger.warning("postgres is away", metadata: ["reason": "\(failure)"])
        }
        publish { $0.failure = failure }
    }

    private func publish(_ change: (inout Seen) -> Void) {
        state.withLock { state in
            state.seen.failure = nil
            change(&state.seen)
            state.seen.version += 1
            for listener in state.listeners.values { listener.yield(state.seen.version) }
        }
    }
}
