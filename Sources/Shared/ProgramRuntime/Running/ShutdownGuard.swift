import Dispatch
import Glibc
import Logging
import ServiceLifecycle
import Synchronization

/// Makes sure that the process ends: listens to signals and keeps the deadline, both outside the cooperative pool, so
/// that it also works when a service blocks that.
final class ShutdownGuard: Sendable {
    /// How long cancelled services may take to return.
    private static let grace = Duration.seconds(2)

    private let shutdown = Mutex(Shutdown())
    private let timeout: Duration
    private let logger: Logger
    private let onDrain: @Sendable () -> Void
    private let endProcess: @Sendable (Int32) -> Void
    private let queue = DispatchQueue(label: "shutdown")
    /// Ends when what is still in flight is to be cancelled.
    let timeForDrain: AsyncStream<Void>
    private let timeForDrainEnds: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - timeout: How long the drain may take.
    ///   - onDrain: Called once, when the drain begins.
    ///   - endProcess: Ends the process without ado, with this status.
    init(
        timeout: Duration, logger: Logger, onDrain: @escaping @Sendable () -> Void,
        endProcess: @escaping @Sendable (Int32) -> Void
    ) {
        self.timeout = timeout
        self.logger = logger
        self.onDrain = onDrain
        self.endProcess = endProcess
        (timeForDrain, timeForDrainEnds) = AsyncStream.makeStream(of: Void.self)
    }

    /// Listens to a signal until the source that is returned is cancelled.
    /// - Parameter first: Called at the first signal, which begins the drain.
    func listen(to signal: Int32, first: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
        let source = DispatchSource.makeSignalSource(signal: signal, queue: queue)
        source.setEventHandler { [self] in
            let action = shutdown.withLock { $0.signalled(signal) }
            act(on: action)
            if action == .drain { first() }
        }
        source.resume()
        return source
    }

    /// The services begin to stop.
    func begin() {
        act(on: shutdown.withLock { $0.begin() })
    }

    /// All services have returned.
    /// - Returns: Whether they were asked to, and did within the time.
    func finish() -> Bool {
        shutdown.withLock { $0.finish() }
    }

    private func act(on action: Shutdown.Action) {
        switch action {
        case .nothing: break
        case .drain:
            logger.info("Draining: no new work, finishing what is in flight")
            onDrain()
            waitUntilTimeIsOver(timeout)
        case .cancel:
            logger.error("The drain takes too long: cancelling what is in flight")
            timeForDrainEnds.finish()
            waitUntilTimeIsOver(Self.grace)
        case .end(let status):
            logger.critical("Ending at once, with work in flight", metadata: ["exit.status": "\(status)"])
            endProcess(status)
        }
    }

    private func waitUntilTimeIsOver(_ time: Duration) {
        queue.asyncAfter(deadline: .now() + time / .seconds(1)) { [self] in
            act(on: shutdown.withLock { $0.timeIsOver() })
        }
    }
}

/// Tells the guard that a shutdown has begun. Last in the group, so the first that is told.
struct DrainNotice: Service {
    let shutdownGuard: ShutdownGuard

    func run() async {
        // Cancelled: the services end without a drain.
        guard (try? await gracefulShutdown()) != nil else { return }
        shutdownGuard.begin()
    }
}
