import Glibc
import Synchronization

/// A thread that runs the jobs of one actor and, between them, sleeps in `poll(2)` over one socket.
///
/// It is an executor for tasks too: what resumes a continuation starts on the executor of the task, before the task goes on to
/// its actor, and without a preference that is the pool of threads: two threads woken for each event instead of none.
///
/// libpq and librabbitmq own their sockets and may block, so each connection is an actor on a thread of its own:
/// nothing blocks the cooperative pool, and the thread wakes at once for a new job, for the socket, or for a deadline.
///
/// Rules of use, each of which has cost somebody a day:
/// - Call ``stop()`` from the actor's `deinit` and nowhere else: a job that comes when the thread has ended stops the program.
/// - The ready handler must hold the actor weakly and enter it with `assumeIsolated`.
/// - Whether there is anything to wait for is asked where the continuation is, not before: a task that prefers another executor,
///   or none, goes to the end of the queue wherever it awaits something, a continuation too, and others have their turn.
public final class PollThread: SerialExecutor, TaskExecutor {
    /// What the thread waits for while it has no job to run.
    public struct Interest: Sendable, Equatable {
        /// The socket, or -1 for none.
        public var descriptor: Int32
        public var readable: Bool
        public var writable: Bool
        /// When to call the ready handler although the socket is silent; nil: never.
        public var deadline: ContinuousClock.Instant?

        public init(
            descriptor: Int32 = -1, readable: Bool = false, writable: Bool = false,
            deadline: ContinuousClock.Instant? = nil
        ) {
            self.descriptor = descriptor
            self.readable = readable
            self.writable = writable
            self.deadline = deadline
        }
    }

    private struct State {
        var jobs: [UnownedJob] = []
        var interest = Interest()
        var ready: (@Sendable () -> Void)?
        var stopped = false
        var hasEnded = false
        /// A byte is in the wake pipe already, so another job need not write one.
        var woken = false
    }

    private let state = Mutex(State())
    private let identity = Atomic<UInt>(0)
    private let wakeReader: Int32
    private let wakeWriter: Int32

    /// The thread's stack, whatever `ulimit -s` says: batches are decoded on it, and C libraries connect.
    private static let stackBytes = 4 << 20

    /// Starts the thread.
    /// - Parameter name: shown by `top -H` and debuggers; cut to 15 bytes.
    /// - Throws: ``ThreadStartError`` when the process is out of file descriptors or threads.
    public init(name: String) throws(ThreadStartError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ThreadStartError(missing: "a pipe", code: errno) }
        guard !DescriptorReserve.has(max(ends[0], ends[1]), for: .connections) else {
            for end in ends { close(end) }
            throw ThreadStartError(missing: "a pipe", code: EMFILE)
        }
        (wakeReader, wakeWriter) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }

        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Self.stackBytes)
        let context = Unmanaged.passRetained(StartContext(thread: self, name: String(name.prefix(15))))
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                let context = Unmanaged<StartContext>.fromOpaque(argument!).takeRetainedValue()
                context.thread.run(name: context.name)
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            for end in ends { close(end) }
            throw ThreadStartError(missing: "a thread", code: status)
        }
        pthread_detach(thread)
    }

    /// Not when the thread ends: somebody may still hold this object, and wake it.
    deinit {
        close(wakeReader)
        close(wakeWriter)
    }

    private final class StartContext {
        let thread: PollThread
        let name: String

        init(thread: PollThread, name: String) {
            self.thread = thread
            self.name = name
        }
    }

    /// Sets what runs on this thread when the socket is ready or the deadline has passed. Call it once.
    public func onReady(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.ready = handler }
    }

    /// Replaces what the thread waits for. Call it from the actor: the new interest holds from the next sleep on.
    public func wait(for interest: Interest) {
        state.withLock { $0.interest = interest }
    }

    /// Ends the thread after the jobs that are already enqueued. For the actor's `deinit` only.
    public func stop() {
        wake { $0.stopped = true }
    }

    // MARK: SerialExecutor

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        wake { state in
            precondition(!state.hasEnded, "a task has outlived the connection on whose thread it runs")
            state.jobs.append(job)
        }
    }

    public func checkIsolated() {
        precondition(isCurrent, "not on the thread of this connection")
    }

    /// Whether the caller runs on this thread.
    private var isCurrent: Bool { identity.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: the loop

    /// Writes after the lock is free, or the thread would wake up to wait for it (4 % of the relay's time). By then it may have
    /// taken the job and ended, and whoever enqueues does not keep this object alive: it is held until the byte is written, or
    /// that would go to whoever got the descriptor next.
    private func wake(_ change: (inout State) -> Void) {
        let isAwake = isCurrent
        let held = Unmanaged.passRetained(self)
        defer { held.release() }
        let isDue = state.withLock { state in
            change(&state)
            guard !isAwake, !state.woken else { return false }  // awake it looks again before it sleeps
            state.woken = true
            return true
        }
        guard isDue else { return }
        var byte: UInt8 = 1
        let count = write(wakeWriter, &byte, 1)
        assert(count == 1, "the pipe that wakes a thread is closed")
    }

    private func run(name: String) {
        Self.nameThisThread(name)
        identity.store(UInt(pthread_self()), ordering: .relaxed)
        var jobs: [UnownedJob] = []
        while true {
            let hasEnded = state.withLock { state in
                swap(&jobs, &state.jobs)
                state.hasEnded = state.stopped && jobs.isEmpty
                return state.hasEnded
            }
            if !jobs.isEmpty {
                for job in jobs {
                    job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
                }
                jobs.removeAll(keepingCapacity: true)
                continue  // a job may have enqueued another
            }
            if hasEnded { break }
            if sleep() { state.withLock { $0.ready }?() }
        }
    }

    /// Sleeps until there is a job, the socket is ready or the deadline has passed.
    /// - Returns: whether the ready handler is due.
    private func sleep() -> Bool {
        let interest = state.withLock { $0.interest }
        var events: Int16 = 0
        if interest.readable { events |= Int16(POLLIN) }
        if interest.writable { events |= Int16(POLLOUT) }
        let watched = interest.descriptor >= 0 && events != 0
        var descriptors: InlineArray<2, pollfd> = [
            pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0),
            pollfd(fd: watched ? interest.descriptor : -1, events: events, revents: 0),
        ]
        var span = descriptors.mutableSpan
        let count = span.withUnsafeMutableBufferPointer {
            poll($0.baseAddress!, 2, Self.milliseconds(until: interest.deadline))
        }
        if descriptors[0].revents != 0 { clearWake() }
        if count > 0 && descriptors[1].revents != 0 { return true }
        guard let deadline = interest.deadline else { return false }
        return deadline <= .now
    }

    /// Takes the byte first and allows the next one afterwards: the other way round a wake-up in between is lost.
    private func clearWake() {
        var byte: UInt8 = 0
        _ = read(wakeReader, &byte, 1)  // `woken` allows one at a time
        state.withLock { $0.woken = false }
    }

    /// By way of /proc, because `pthread_setname_np` is not in the Glibc module.
    private static func nameThisThread(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = name.withCString { write(file, $0, strlen($0)) }
        close(file)
    }

    /// The time-out for `poll(2)`, rounded up so that the deadline has passed when it returns; -1 without one.
    private static func milliseconds(until deadline: ContinuousClock.Instant?) -> Int32 {
        guard let deadline else { return -1 }
        let (seconds, attoseconds) = (deadline - .now).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let roundedUp = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(min(seconds, 3600)) * 1000 + Int32(roundedUp)
    }
}
