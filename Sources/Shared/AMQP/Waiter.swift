/// The one task that waits for something of a connection. Resumes it exactly once.
struct Waiter<Value: Sendable> {
    typealias Continuation = CheckedContinuation<Result<Value, AMQPError>, Never>

    private var waiting: (id: Int, continuation: Continuation)?
    private var lastID = 0

    var isWaiting: Bool { waiting != nil }

    /// An ID for the next wait, so that a late cancellation can't hit another one.
    mutating func newID() -> Int {
        lastID += 1
        return lastID
    }

    /// - Returns: false when another task waits already; this one is told so.
    mutating func wait(_ id: Int, _ continuation: Continuation) -> Bool {
        guard waiting == nil else {
            continuation.resume(returning: .failure(.alreadyWaiting))
            return false
        }
        waiting = (id, continuation)
        return true
    }

    mutating func resume(_ result: Result<Value, AMQPError>) {
        waiting.take()?.continuation.resume(returning: result)
    }

    mutating func cancel(_ id: Int) {
        if waiting?.id == id { resume(.failure(.cancelled)) }
    }
}

extension AMQPError {
    static let cancelled = AMQPError(.cancelled, "the task was cancelled")
    static let closed = AMQPError(.closed, "the connection was closed by this program")
    static let alreadyWaiting = AMQPError(.alreadyWaiting, "another task waits on this connection already")
}
