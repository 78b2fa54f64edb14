import EventLoop
import Glibc
import Synchronization
import TestSupport
import Testing

/// Where the jobs of connections run, and that none of them, no socket and no timer is forgotten.
@Suite("The thread of all connections", .timeLimit(.minutes(2))) struct ConnectionExecutorTests {
    @Test func aConnectionMovesInAndOut() async throws {
        let (first, second) = (try Peer(), try Peer())
        let own = await first.thread
        #expect(await second.thread != own)
        await first.moveIn()
        await second.moveIn()
        let shared = await first.thread
        #expect(shared != own)
        #expect(await second.thread == shared)
        #expect(await first.threadMovedOut() != shared)
        #expect(await second.thread == shared)
    }

    /// One connects, another says good-bye, both to servers that are silent.
    @Test func whatBlocksStopsNobody() async throws {
        let (opening, closing, other) = (try Peer(), try Peer(), try Peer())
        await closing.moveIn()
        await other.moveIn()
        async let opened: Void = opening.block()
        async let closed: Void = closing.blockMovedOut()
        while !(opening.isBlocked && closing.isBlocked) { await Task.yield() }
        for _ in 0..<100 { try await other.isToldOfAByte() }
        opening.send()
        closing.send()
        _ = await (opened, closed)
    }

    @Test func noSocketAndNoJobIsForgotten() async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<20 {
                group.addTask {
                    let peer = try Peer()
                    await peer.moveIn()
                    for _ in 0..<500 { try await peer.isToldOfAByte() }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func aDeadlineIsKeptWhileTheSocketIsSilent() async throws {
        let peer = try Peer()
        await peer.moveIn()
        let start = ContinuousClock.now
        await peer.isCalled(after: .milliseconds(20))
        #expect(start.duration(to: .now) >= .milliseconds(20))
    }

    @Test func livesNoLongerThanItsActor() async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<300 {
                        let peer = try Peer()
                        await peer.moveIn()
                        #expect(await peer.thread != pthread_t(0))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// As it would be with two tasks that hand something to and fro.
    @Test func tasksThatGoOnAndOnKeepNobodyWaiting() async throws {
        let peer = try Peer()
        await peer.moveIn()
        try await withThrowingTaskGroup { group in
            group.addTask(executorPreference: try PollThread.shared()) {
                while !Task.isCancelled { await Task.yield() }
            }
            try await peer.isToldOfAByte()
            try await PollThread.sleep(for: .milliseconds(1))
            group.cancelAll()
        }
    }

    // MARK: timers

    @Test func sleepersWakeWhenTheirTimeHasCome() async throws {
        let times = [30, 5, 20, 0, 10].map { Duration.milliseconds($0) }
        try await withThrowingTaskGroup { group in
            for time in times {
                group.addTask {
                    let start = ContinuousClock.now
                    try await PollThread.sleep(for: time)
                    #expect(start.duration(to: .now) >= time)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func whoWaitsForSecondsWakesTogether() async throws {
        let ends = try await withThrowingTaskGroup(of: ContinuousClock.Instant.self) { group in
            for turn in 0..<5 {
                group.addTask {
                    let end = ContinuousClock.now + .seconds(1) + .milliseconds(turn)
                    try await PollThread.sleep(for: .seconds(1) + .milliseconds(turn))
                    #expect(.now >= end)
                    return .now
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        // Two at most, where a quarter of a second ends between them.
        let waves = ends.sorted().reduce(into: [ContinuousClock.Instant]()) { waves, end in
            if waves.last.map({ end - $0 > .milliseconds(200) }) ?? true { waves.append(end) }
        }
        #expect(waves.count <= 2)
    }

    @Test func whoIsCancelledWakesAtOnce() async throws {
        for turns in 0..<50 {
            let sleeper = Task { try await PollThread.sleep(for: .seconds(3600)) }
            for _ in 0..<turns { await Task.yield() }
            sleeper.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
        }
    }

    @Test func whoPrefersTheThreadSleepsOnIt() async throws {
        try await withTaskExecutorPreference(try PollThread.shared()) {
            let before = pthread_self()
            try await PollThread.sleep(for: .milliseconds(1))
            #expect(pthread_self() == before)
        }
    }
}

/// A connection whose other end is here, too.
private actor Peer {
    nonisolated let executor: ConnectionExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private nonisolated let near: Int32
    private nonisolated let far: Int32
    private nonisolated let blocked = Atomic(false)
    private var waiting: CheckedContinuation<Void, Never>?

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { throw POSIXFailure(code: errno) }
        (near, far) = (ends[0], ends[1])
        executor = try ConnectionExecutor(name: "peer")
    }

    deinit {
        executor.end()
        close(near)
        close(far)
    }

    struct POSIXFailure: Error { let code: Int32 }

    var thread: pthread_t { pthread_self() }
    nonisolated var isBlocked: Bool { blocked.load(ordering: .relaxed) }

    func moveIn() {
        executor.onReady { [weak self] in self?.assumeIsolated { $0.isReady() } }
        executor.moveIn()
    }

    func threadMovedOut() async -> pthread_t {
        #expect(await executor.movedOut())
        return thread
    }

    nonisolated func send() {
        var byte: UInt8 = 1
        #expect(write(far, &byte, 1) == 1)
    }

    func block() {
        blocked.store(true, ordering: .relaxed)
        var byte: UInt8 = 0
        #expect(read(near, &byte, 1) == 1)
    }

    func blockMovedOut() async {
        #expect(await executor.movedOut())
        block()
    }

    func isToldOfAByte() async throws {
        await withCheckedContinuation { continuation in
            waiting = continuation
            executor.wait(for: PollThread.Interest(descriptor: near, readable: true))
            Task.detached { self.send() }
        }
        var byte: UInt8 = 0
        #expect(read(near, &byte, 1) == 1)
    }

    func isCalled(after time: Duration) async {
        await withCheckedContinuation { continuation in
            waiting = continuation
            executor.wait(for: PollThread.Interest(descriptor: near, readable: true, deadline: .now + time))
        }
    }

    private func isReady() {
        executor.wait(for: PollThread.Interest())
        waiting.take()?.resume()
    }
}
