import DequeModule

/// Events that wait for the session, which an error ends. Not a stream: that would resume the session by way of another thread,
/// which cost two wake-ups for each event.
struct EventInbox {
    private var events: Deque<SessionEvent> = []
    private var failure: (any Error)?
    private var waiting: CheckedContinuation<Void, Never>?

    mutating func add(_ event: SessionEvent) {
        events.append(event)
        wake()
    }

    /// What was posted before is handled yet. The first error counts.
    mutating func fail(_ error: any Error) {
        failure = failure ?? error
        wake()
    }

    /// The next event, nil when there is none at the moment.
    mutating func take() throws -> SessionEvent? {
        if let event = events.popFirst() { return event }
        if let failure { throw failure }
        return nil
    }

    /// Resumed by the next event, or by ``wake()``; at once when there is an event, or the task is cancelled.
    mutating func wait(_ continuation: CheckedContinuation<Void, Never>) {
        guard events.isEmpty && failure == nil && !Task.isCancelled else { return continuation.resume() }
        waiting = continuation
    }

    mutating func wake() { waiting.take()?.resume() }
}

/// Where tasks post their events; an error of any of them ends the session.
struct EventPost: Sendable {
    private let session: RelaySession

    init(_ session: RelaySession) { self.session = session }

    func callAsFunction(_ event: SessionEvent) async { await session.receive(event) }

    /// Runs `work` in a task of its own and posts the event that it ends with.
    func perform(
        _ tasks: inout DiscardingTaskGroup, _ work: @escaping @Sendable () async throws -> SessionEvent
    ) {
        watch(&tasks) { post in await post(try await work()) }
    }

    /// Runs `work`, which posts events for as long as it runs.
    func watch(_ tasks: inout DiscardingTaskGroup, _ work: @escaping @Sendable (EventPost) async throws -> Void) {
        tasks.addTask { [self] in
            do { try await work(self) } catch { await session.fail(error) }
        }
    }
}
