import EventLoop

/// Somebody who waits for a notification.
struct NotificationWaiter {
    typealias Continuation = CheckedContinuation<Result<Bool, PostgresError>, Never>

    let continuation: Continuation
    let deadline: ContinuousClock.Instant
}

extension PostgresConnection {
    /// Subscribes to a channel. Use a connection that holds no transaction open, or the server's queue fills up.
    /// - Throws: as ``pipeline(_:)``.
    public func listen(to channel: String) async throws(PostgresError) {
        _ = try await execute("LISTEN \"\(channel.replacing("\"", with: "\"\""))\"")
    }

    /// Waits for a notification on any channel listened to. Several that came in the meantime count as one.
    /// - Parameter timeout: how long to wait, as ``PollThread/deadline(after:)`` has it.
    /// - Returns: true when one has come since the last call; false when the time has passed or the task is cancelled.
    /// - Throws: when the connection is lost or closed.
    public func nextNotification(timeout: Duration) async throws(PostgresError) -> Bool {
        waitersSoFar += 1
        let id = waitersSoFar
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: NotificationWaiter.Continuation) in
                if let end { return continuation.resume(returning: .failure(end)) }
                if notified || Task.isCancelled {
                    defer { notified = false }
                    return continuation.resume(returning: .success(notified))
                }
                let deadline = PollThread.deadline(after: timeout)
                waiters[id] = NotificationWaiter(continuation: continuation, deadline: deadline)
                updateInterest()
            }
        } onCancel: {
            Task { await self.stopWaiting(id) }
        }
        return try result.get()
    }

    private func stopWaiting(_ id: UInt64) {
        waiters.removeValue(forKey: id)?.continuation.resume(returning: .success(false))
        updateInterest()
    }

    func takeNotifications() {
        guard handle?.drainNotifications() == true else { return }
        if let socket = handle?.socket { unasked = ReceivedBytes(on: socket) }
        notified = waiters.isEmpty
        endWaits(returning: .success(true)) { _ in true }
    }

    func endWaits(returning result: Result<Bool, PostgresError>, where isOver: (NotificationWaiter) -> Bool) {
        for (id, waiter) in waiters where isOver(waiter) {
            waiters[id] = nil
            waiter.continuation.resume(returning: result)
        }
    }
}
