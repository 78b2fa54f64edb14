import DequeModule
import Synchronization

/// Runs the jobs of a connection's actor, one after the other: first on a thread of its own, where the C libraries may block to connect
/// and to log in; from ``moveIn()`` on, on the thread of all connections, which waits for its socket, too.
///
/// Rules of use:
/// - Call ``end()`` from the actor's `deinit` and nowhere else.
/// - The ready handler must hold the actor weakly and enter it with `assumeIsolated`.
public final class ConnectionExecutor: SerialExecutor {
    private struct State {
        /// The thread that runs the jobs.
        var home: PollThread
        var jobs: Deque<UnownedJob> = []
        /// Whether a thread runs jobs, or has been told to. One at a time.
        var isScheduled = false
        var interest = PollThread.Interest()
        var ready: (@Sendable () -> Void)?
        var hasEnded = false
    }

    private let state: Mutex<State>
    private let name: String
    private let shared: PollThread

    /// Starts the thread of its own.
    /// - Parameter name: that thread's name, as for ``PollThread/init(name:)``.
    /// - Throws: ``ThreadStartError`` when the process is out of file descriptors or threads.
    public init(name: String) throws(ThreadStartError) {
        self.name = name
        shared = try PollThread.shared()
        state = Mutex(State(home: try PollThread(name: name)))
    }

    /// The thread of all connections, for tasks whose work is nearly all with them: see `withTaskExecutorPreference`. They must
    /// never block.
    public var taskExecutor: any TaskExecutor { shared }

    // MARK: where it lives

    /// From the next job on it lives on the thread of all connections. For a job of the actor's.
    public func moveIn() { state.withLock { $0.home = shared } }

    /// Goes on on a thread of its own, where the caller may block. For a job of the actor's.
    /// - Returns: false if there is no thread to be had: nothing has changed then.
    public nonisolated(nonsending) func movedOut() async -> Bool {
        guard let own = try? PollThread(name: name) else { return false }
        state.withLock { $0.home = own }
        await Task.yield()
        return true
    }

    /// The actor is gone.
    public func end() {
        let home = state.withLock { state in
            state.hasEnded = true
            state.ready = nil
            return state.home
        }
        if home === shared { home.lookAgain() } else { home.stop() }
    }

    // MARK: the socket

    /// Sets what runs on the thread of all connections when the socket is ready or the deadline has passed. Call it once.
    public func onReady(_ handler: @escaping @Sendable () -> Void) { state.withLock { $0.ready = handler } }

    /// Replaces what is waited for. Call it from the actor: the new interest holds from the thread's next sleep on.
    public func wait(for interest: PollThread.Interest) { state.withLock { $0.interest = interest } }

    /// What a thread has to wait for; nil if it does not live there.
    func interest(on thread: PollThread) -> PollThread.Interest? {
        state.withLock { $0.home === thread && !$0.hasEnded ? $0.interest : nil }
    }

    /// Calls the handler, unless it has moved out meanwhile.
    func callReady(on thread: PollThread) {
        state.withLock { $0.home === thread ? $0.ready : nil }?()
    }

    // MARK: SerialExecutor

    /// Whoever enqueues does not keep this object alive, which may be gone with the actor when the job has run.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let held = Unmanaged.passRetained(self)
        defer { held.release() }
        let home = state.withLock { state -> PollThread? in
            state.jobs.append(job)
            guard !state.isScheduled else { return nil }
            state.isScheduled = true
            return state.home
        }
        home?.run(self)
    }

    public func checkIsolated() { state.withLock { $0.home }.checkIsolated() }

    /// Runs the jobs that are there. Those that they enqueue come after what others have to do.
    func runJobs(on thread: PollThread) {
        var left = state.withLock { $0.jobs.count }
        while left > 0, let job = nextJob(on: thread) {
            job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: thread.asUnownedTaskExecutor())
            left -= 1
        }
        let next = state.withLock { state -> PollThread? in
            state.isScheduled = !state.jobs.isEmpty || state.home !== thread
            return state.isScheduled ? state.home : nil
        }
        next?.run(self)
        // It has moved in: nobody needs the thread any more on which it was.
        if let next, next !== thread, thread !== shared { thread.stop() }
    }

    private func nextJob(on thread: PollThread) -> UnownedJob? {
        state.withLock { $0.home === thread ? $0.jobs.popFirst() : nil }
    }
}
