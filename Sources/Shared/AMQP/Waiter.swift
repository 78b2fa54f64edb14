/// The one task that waits for something of a connection. Resumes it exactly once.
struct Waiter<Value: Sendable> {
    typealias Continuation = CheckedContinuation<Result<Value, AMQPError>, Never>

    private var continuation: Continuation?
    private var lastID = 0

    var isWaiting: Bool { continuation != nil }

    /// An ID for the next wait, so that a late cancellation can't hit a later one.
    mutating func newID() -> Int {
        lastID += 1
        return lastID
    }

    mutating func wait(_ continuation: Continuation) {
        precondition(self.continuation == nil, "two tasks wait for the same connection")
        self.continuation = continuation
    }

    mutating func resume(_ result: Result<Value, AMQPError>) {
        continuation.take()?.resume(returning: result)
    }

    mutating func cancel(_ id: Int) {
        if id == lastID { resume(.failure(.cancelled)) }
    }
}

extension AMQPError {
    static let cancelled = AMQPError(.cancelled, "the task was cancelled")
    static let closed = AMQPError(.closed, "the connection was closed by this program")
    static let alreadyWaiting = AMQPError(.alreadyWaiting, "another task waits on this connection already")
}
