import Glibc

/// The connections that live on a thread, and its sleep over their sockets. For that thread alone.
struct SocketWatch {
    private var connections: [ConnectionExecutor] = []
    private var interests: [PollThread.Interest] = []
    /// The pipe that wakes the thread first, then a socket for each connection.
    private var descriptors: [pollfd]

    init(wakeReader: Int32) {
        descriptors = [pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0)]
    }

    /// Takes a connection in, unless it is there.
    mutating func add(_ connection: ConnectionExecutor) {
        if !connections.contains(where: { $0 === connection }) { connections.append(connection) }
    }

    /// Sleeps until a socket is ready, one of the deadlines or the given one has passed, or the thread is woken.
    /// - Returns: whether it was woken.
    mutating func sleep(on thread: PollThread, until deadline: ContinuousClock.Instant?) -> Bool {
        var deadline = deadline
        interests.removeAll(keepingCapacity: true)
        descriptors.removeLast(descriptors.count - 1)
        connections.removeAll { connection in
            guard let interest = connection.interest(on: thread) else { return true }
            interests.append(interest)
            descriptors.append(pollfd(interest))
            if let other = interest.deadline { deadline = min(deadline ?? other, other) }
            return false
        }
        let count = poll(&descriptors, nfds_t(descriptors.count), Self.milliseconds(until: deadline))
        guard count > 0 else {
            for index in descriptors.indices { descriptors[index].revents = 0 }
            return false
        }
        return descriptors[0].revents != 0
    }

    /// Calls the handlers of the sockets that the last sleep found ready, and of the deadlines that have passed.
    func callReady(on thread: PollThread, at now: ContinuousClock.Instant) {
        for (index, connection) in connections.enumerated() {
            let isDue = interests[index].deadline.map { $0 <= now } ?? false
            if isDue || descriptors[index + 1].revents != 0 { connection.callReady(on: thread) }
        }
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

extension pollfd {
    fileprivate init(_ interest: PollThread.Interest) {
        var events: Int16 = 0
        if interest.readable { events |= Int16(POLLIN) }
        if interest.writable { events |= Int16(POLLOUT) }
        // Without events poll(2) would still tell of errors, again and again.
        self.init(fd: events == 0 ? -1 : interest.descriptor, events: events, revents: 0)
    }
}
