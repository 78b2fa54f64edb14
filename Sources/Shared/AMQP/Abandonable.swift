import Synchronization

/// Waits for a call that blocks a thread of its own, such as one that connects: a task that is cancelled returns at once, and
/// the call goes on alone until it is done. What it returns is dropped then.
func abandonable<Value: Sendable>(
    _ call: @escaping @Sendable () async throws(AMQPError) -> Value
) async throws(AMQPError) -> Value {
    let outcome = FirstOutcome<Value>()
    let result = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            outcome.wait(continuation)
            Task {
                do throws(AMQPError) { outcome.settle(.success(try await call())) } catch {
                    outcome.settle(.failure(error))
                }
            }
        }
    } onCancel: {
        outcome.settle(.failure(.cancelled))
    }
    return try result.get()
}

/// Hands the first of several outcomes to the one who waits, whoever comes first.
private final class FirstOutcome<Value: Sendable>: Sendable {
    typealias Continuation = CheckedContinuation<Result<Value, AMQPError>, Never>

    private enum State {
        case open
        case waiting(Continuation)
        case settled(Result<Value, AMQPError>)
        case done
    }

    private let state = Mutex(State.open)

    func wait(_ continuation: Continuation) {
        let early = state.withLock { state -> Result<Value, AMQPError>? in
            guard case .settled(let result) = state else {
                state = .waiting(continuation)
                return nil
            }
            state = .done
            return result
        }
        if let early { continuation.resume(returning: early) }
    }

    func settle(_ result: Result<Value, AMQPError>) {
        let waiting = state.withLock { state -> Continuation? in
            switch state {
            case .open: state = .settled(result)
            case .waiting(let continuation):
                state = .done
                return continuation
            case .settled, .done: break
            }
            return nil
        }
        waiting?.resume(returning: result)
    }
}
