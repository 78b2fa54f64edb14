import Glibc
import ProgramRuntime
import Synchronization
import UnixSignals

/// Whether an operator wants a long act to stop. What is in flight is awaited, for a while.
package final class Interruption: Sendable {
    private let signal = Mutex<Int32?>(nil)
    private let bell = Bell()
    private let graceBell = Bell()

    package init() {}

    /// The signal that came; nil for none.
    package var requestedBy: Int32? { signal.withLock { $0 } }
    package var isRequested: Bool { requestedBy != nil }

    /// Asks to stop.
    package func request(_ number: Int32) {
        signal.withLock { $0 = number }
        bell.ring()
        graceBell.ring()
    }

    /// Waits, but no longer than until somebody asks to stop.
    package func sleep(for time: Duration) async {
        guard time > .zero, !isRequested else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(for: time) }
            group.addTask { try? await self.bell.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Runs `work`, and tells it when SIGINT or SIGTERM comes. A second signal ends the process at once.
    /// - Parameter grace: how long it may take from then on; then it is cancelled.
    package static func watch<T: Sendable>(
        grace: Duration, _ work: @escaping @Sendable (Interruption) async throws -> T
    ) async throws -> T {
        let interruption = Interruption()
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await work(interruption) }
            group.addTask {
                await interruption.listen()
                return nil
            }
            group.addTask {
                try? await interruption.graceBell.wait()
                try? await Task.sleep(for: grace)
                return nil
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let value = ended { return value }
                group.cancelAll()
            }
            throw CancellationError()
        }
    }

    private func listen() async {
        for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
            let number = signal == .sigint ? SIGINT : SIGTERM
            if isRequested { ExitStatus.exit(by: number) }
            request(number)
        }
    }
}
