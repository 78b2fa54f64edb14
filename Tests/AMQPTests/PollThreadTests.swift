import EventLoop
import Testing

/// What ends soon after it was called is woken by nobody any more: `PollThread` says so if the pipe is closed by then.
@Suite("The thread of a connection") struct PollThreadTests {
    private actor Owner {
        private let thread: PollThread
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
}
