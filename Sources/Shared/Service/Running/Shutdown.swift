/// How far the end of a process has come: decides, and leaves it to its owner to act.
struct Shutdown {
    /// What to do now.
    enum Action: Equatable {
        case nothing
        /// Stop taking work, finish what is in flight, and give up at this moment.
        case drain(until: ContinuousClock.Instant)
        /// End the process at once, with this status.
        case end(status: Int32)
    }

    private enum State {
        case running
        case draining(until: ContinuousClock.Instant)
        case over
    }

    private let timeout: Duration
    private var state = State.running

    /// - Parameter timeout: How long a drain may take.
    init(timeout: Duration) {
        self.timeout = timeout
    }

    /// Whoever started the program asks it to stop; asking twice means "now".
    mutating func signalled(_ signal: Int32, at now: ContinuousClock.Instant) -> Action {
        switch state {
        case .running: begin(at: now)
        case .draining: .end(status: 128 + signal)
        case .over: .nothing
        }
    }

    /// The services begin to stop, for whatever reason.
    mutating func begin(at now: ContinuousClock.Instant) -> Action {
        guard case .running = state else { return .nothing }
        state = .draining(until: now + timeout)
        return .drain(until: now + timeout)
    }

    /// The time for the drain, and the grace for what was cancelled after it, are over.
    mutating func gaveUp() -> Action {
        guard case .draining = state else { return .nothing }
        state = .over
        return .end(status: ExitStatus.no.rawValue)
    }

    /// All services have returned.
    /// - Returns: Whether they were asked to, and did within the time.
    mutating func finish(at now: ContinuousClock.Instant) -> Bool {
        defer { state = .over }
        guard case .draining(let end) = state else { return false }
        return now < end
    }
}
