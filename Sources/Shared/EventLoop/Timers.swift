/// Who sleeps until when. They are few, so they are not kept in order. No clock.
struct Timers {
    /// Resumed with false when it was cancelled.
    typealias Continuation = CheckedContinuation<Bool, Never>

    private struct Timer {
        let id: UInt64
        let deadline: ContinuousClock.Instant
        let continuation: Continuation
    }

    private var timers: [Timer] = []
    private var lastID: UInt64 = 0

    mutating func newID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// When the next one is due.
    var first: ContinuousClock.Instant? { timers.lazy.map(\.deadline).min() }

    mutating func add(_ id: UInt64, deadline: ContinuousClock.Instant, _ continuation: Continuation) {
        timers.append(Timer(id: id, deadline: deadline, continuation: continuation))
    }

    /// - Returns: nil if it is not there, or not any more.
    mutating func remove(_ id: UInt64) -> Continuation? {
        guard let index = timers.firstIndex(where: { $0.id == id }) else { return nil }
        return timers.remove(at: index).continuation
    }

    mutating func takeDue(at now: ContinuousClock.Instant) -> [Continuation] {
        guard timers.contains(where: { $0.deadline <= now }) else { return [] }
        let due = timers.filter { $0.deadline <= now }
        timers.removeAll { $0.deadline <= now }
        return due.map(\.continuation)
    }
}
