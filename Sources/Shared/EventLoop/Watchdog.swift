import Glibc
import Synchronization

/// Ends calls into C libraries that wait for a peer without a limit: when one takes too long, the socket that it waits for is
/// shut down from another thread, and the call returns with an error.
///
/// Never the wrong socket: a descriptor is watched inside ``guarding(_:for:_:)`` only, whose caller owns it and can't close
/// it meanwhile, and it is shut down under the lock that the call needs to get out.
public final class Watchdog: Sendable {
    /// One for the whole process, for it costs a thread from its first use on.
    public static let shared = Watchdog()

    private struct Watch {
        let descriptor: Int32
        let deadline: ContinuousClock.Instant
    }

    private struct State {
        var watches: [UInt64: Watch] = [:]
        var last: UInt64 = 0
        var isRunning = false
    }

    private let state = Mutex(State())

    /// Calls `body`, which blocks the thread, and shuts the socket down if it takes longer than the limit, to the second.
    public func guarding<R, Failure>(
        _ descriptor: Int32, for limit: Duration, _ body: () throws(Failure) -> R
    ) throws(Failure) -> R {
        let id = begin(Watch(descriptor: descriptor, deadline: .now + limit))
        defer { state.withLock { _ = $0.watches.removeValue(forKey: id) } }
        return try body()
    }

    private func begin(_ watch: Watch) -> UInt64 {
        let (id, mustStart) = state.withLock { state in
            state.last += 1
            state.watches[state.last] = watch
            defer { state.isRunning = true }
            return (state.last, !state.isRunning)
        }
        if mustStart && !start() { state.withLock { $0.isRunning = false } }
        return id
    }

    /// - Returns: false if there is no thread to be had; the next call tries again.
    private func start() -> Bool {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Watchdog>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    private func run() {
        while true {
            usleep(500_000)  // a clock of its own: who is watched may not be able to wake anybody
            state.withLock { state in
                let now = ContinuousClock.now
                for watch in state.watches.values where watch.deadline < now {
                    shutdown(watch.descriptor, Int32(SHUT_RDWR))
                }
            }
        }
    }
}
