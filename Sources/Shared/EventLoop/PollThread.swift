import Glibc
import Synchronization

/// A thread that runs jobs and, between them, sleeps in `poll(2)` over the sockets of all connections that live on it, until a
/// job, a socket or a deadline is due.
///
/// A program has one for all its connections, ``shared()``: who goes on after an event is on the thread that was woken for it, so
/// nobody is woken by anybody. Waking a thread costs as much as a small message does altogether.
///
/// It is an executor for tasks, too: what resumes a continuation starts on the executor of the task, before the task goes on to
/// its actor, and without a preference that is the pool of threads: two threads woken for each event instead of none.
///
/// Rules of use, each of which has cost somebody a day:
/// - Nothing may block here, or all connections stand still: what does has a thread of its own (``ConnectionExecutor``).
/// - Call ``stop()`` from the `deinit` of the one actor that a thread is for, and nowhere else: a job that comes when the thread has
///   ended stops the program.
/// - Whether there is anything to wait for is asked where the continuation is, not before: a task that prefers another executor,
///   or none, goes to the end of the queue wherever it awaits something, a continuation too, and others have their turn.
public final class PollThread: SerialExecutor, TaskExecutor {
    /// What a connection waits for while it has no job to run.
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

    private enum Work {
        case job(UnownedJob)
        /// As many jobs as there are.
        case connection(ConnectionExecutor)
    }

    private struct State {
        var work: [Work] = []
        var timers = Timers()
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
    /// So often work comes before sockets: tasks that go on and on must not keep the others waiting.
    private static let mostRounds = 100

    private static let program = Mutex<PollThread?>(nil)

    /// The thread of all connections of this process, which lives as long as that.
    /// - Throws: ``ThreadStartError`` when it was not there yet, and can't be had; the next call tries again.
    public static func shared() throws(ThreadStartError) -> PollThread {
        try program.withLock { (thread) throws(ThreadStartError) in
            if let thread { return thread }
            let new = try PollThread(name: "connections")
            thread = new
            return new
        }
    }

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

    /// Ends the thread after the jobs that are already enqueued. For the `deinit` of the actor whose only thread this is.
    public func stop() {
        wake { $0.stopped = true }
    }

    // MARK: work

    public func enqueue(_ job: consuming ExecutorJob) {
        add(.job(UnownedJob(job)))
    }

    /// Runs the jobs of a connection when their turn has come, and from then on waits for its socket.
    func run(_ connection: ConnectionExecutor) {
        add(.connection(connection))
    }

    private func add(_ work: Work) {
        wake { state in
            precondition(!state.hasEnded, "a task has outlived the connection on whose thread it runs")
            state.work.append(work)
        }
    }

    /// Has it look again what it waits for.
    func lookAgain() { wake { _ in } }

    public func checkIsolated() {
        precondition(isCurrent, "not on the thread of this connection")
    }

    /// Whether the caller runs on this thread.
    var isCurrent: Bool { identity.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: time

    /// With nothing to do, waking up is all that a program costs: those who look once a second do so at the same time.
    private static let beat = Duration.milliseconds(250)
    private static let origin = ContinuousClock.now

    /// When a wait that begins now ends: one of a second or longer with others, up to a quarter of a second later.
    public static func deadline(after duration: Duration) -> ContinuousClock.Instant {
        guard duration >= .seconds(1) else { return .now + duration }
        return origin + beat * ((.now + duration - origin) / beat).rounded(.up)
    }

    /// Waits on this thread, without the timers of the pool, which wake two more threads. See ``deadline(after:)``.
    /// - Throws: `CancellationError` at once when the task is cancelled.
    public func sleep(for duration: Duration) async throws {
        let timer = state.withLock { $0.timers.newID() }
        let deadline = Self.deadline(after: duration)
        let isOver = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wake { $0.timers.add(timer, deadline: deadline, continuation) }
                if Task.isCancelled { cancel(timer) }  // the handler may have come before the timer was there
            }
        } onCancel: {
            cancel(timer)
        }
        if !isOver { throw CancellationError() }
    }

    /// Waits on the thread of all connections: for tasks that prefer it.
    /// - Throws: `CancellationError` at once when the task is cancelled.
    public static func sleep(for duration: Duration) async throws {
        guard let thread = try? shared() else { return try await Task.sleep(for: duration) }
        try await thread.sleep(for: duration)
    }

    private func cancel(_ timer: UInt64) {
        state.withLock { $0.timers.remove(timer) }?.resume(returning: false)
    }

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
        var watch = SocketWatch(wakeReader: wakeReader)
        var work: [Work] = []
        var rounds = 0
        while true {
            let hasEnded = state.withLock { state in
                swap(&work, &state.work)
                state.hasEnded = state.stopped && work.isEmpty
                return state.hasEnded
            }
            if hasEnded { break }
            for item in work {
                switch item {
                case .job(let job):
                    job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
                case .connection(let connection):
                    watch.add(connection)
                    connection.runJobs(on: self)
                }
            }
            rounds = work.isEmpty ? 0 : rounds + 1
            work.removeAll(keepingCapacity: true)
            guard rounds == 0 || rounds > Self.mostRounds else { continue }  // a job may have enqueued another
            sleep(&watch, isBusy: rounds > 0)
            rounds = 0
        }
    }

    /// Sleeps until there is work, a socket is ready or a deadline has passed, and calls the ready handlers that are due.
    /// - Parameter isBusy: whether there is work already.
    private func sleep(_ watch: inout SocketWatch, isBusy: Bool) {
        let timer: ContinuousClock.Instant? = isBusy ? .now : state.withLock { $0.timers.first }
        if watch.sleep(on: self, until: timer) { clearWake() }
        let now = ContinuousClock.now
        watch.callReady(on: self, at: now)
        for continuation in state.withLock({ $0.timers.takeDue(at: now) }) { continuation.resume(returning: true) }
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
}
