import EventLoop
import Glibc
import Testing

/// What ends soon after it was called is woken by nobody any more: `PollThread` says so if the pipe is closed by then.
@Suite("The thread of a connection") struct PollThreadTests {
    private actor Owner {
        nonisolated let thread: PollThread
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
        private var calls = 0

        init() throws { thread = try PollThread(name: "short-lived") }
        deinit { thread.stop() }

        func call() -> Int {
            calls += 1
            return calls
        }
    }

    @Test func livesNoLongerThanItsOwner() async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<1000 {
                        let calls = try await Owner().call()
                        #expect(calls == 1)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Nobody else has to be woken when a task goes on that prefers this thread.
    @Test func resumesTasksThatPreferIt() async throws {
        let owner = try Owner()
        await withTaskExecutorPreference(owner.thread) {
            let before = pthread_self()
            await withCheckedContinuation { continuation in Task.detached { continuation.resume() } }
            #expect(pthread_self() == before)
            _ = await owner.call()
            #expect(pthread_self() == before)
        }
        _ = await owner.call()
    }
}
