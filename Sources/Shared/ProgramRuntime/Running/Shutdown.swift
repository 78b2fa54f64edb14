/// How far the end of a process has come: decides, and leaves it to its owner to act and to keep the time.
struct Shutdown {
    /// What to do now.
    enum Action: Equatable {
        case nothing
        /// Stop taking work, finish what is in flight, and say when the time for that is over.
        case drain
        /// Cancel what is still in flight, and say when the grace for that is over.
        case cancel
        /// End the process at once, with this status.
        case end(status: Int32)
    }

    private enum State {
        case running
        case draining
        case cancelling
        case over
    }

    private var state = State.running

    /// Whoever started the program asks it to stop; asking twice means "now".
    mutating func signalled(_ signal: Int32) -> Action {
        switch state {
        case .running: return begin()
        case .draining, .cancelling:
            state = .over
            return .end(status: 128 + signal)
        case .over: return .nothing
        }
    }

    /// The services begin to stop, for whatever reason.
    mutating func begin() -> Action {
        guard case .running = state else { return .nothing }
        state = .draining
        return .drain
    }

    /// The time that the last action allowed is over.
    mutating func timeIsOver() -> Action {
        switch state {
        case .running, .over: return .nothing
        case .draining:
            state = .cancelling
            return .cancel
        case .cancelling:
            state = .over
            return .end(status: ExitStatus.no.rawValue)
        }
    }

    /// All services have returned.
    /// - Returns: Whether they were asked to, and did within the time.
    mutating func finish() -> Bool {
        defer { state = .over }
        if case .draining = state { return true }
        return false
    }
}
