import EventLoop
import Glibc

/// Serves the endpoint on one thread of its own, asleep in `poll(2)`.
///
/// It answers also when the cooperative pool is busy, keeps few connections (``HTTPPlaces``), and gives none of them more
/// than a few seconds: a stuck or hostile client costs one place for that time at most, and memory for one request head.
final class HTTPLoop: Sendable {
    /// Newcomers of one turn, so that a flood of them leaves time for those who are there.
    private static let mostNewcomers = 64
    private static let timeLimit = Duration.seconds(5)

    private let socket: ListeningSocket
    private let wakeReader: Int32
    private let wakeWriter: Int32
    private let answer: @Sendable (HTTPRequestHead) -> HTTPAnswer

    /// - Throws: ``SystemError`` when the process is out of file descriptors.
    init(
        socket: ListeningSocket, answer: @escaping @Sendable (HTTPRequestHead) -> HTTPAnswer
    ) throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError(code: errno) }
        (wakeReader, wakeWriter) = (ends[0], ends[1])
        self.socket = socket
        self.answer = answer
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    deinit {
        close(wakeReader)
        close(wakeWriter)
    }

    /// Makes ``run()`` return, now or when it is called.
    func stop() {
        var byte: UInt8 = 1
        _ = write(wakeWriter, &byte, 1)
    }

    /// Serves until ``stop()``. Blocks its thread.
    func run() {
        var connections: [HTTPConnection] = []
        var refusesUntil = ContinuousClock.now
        while true {
            let listens = refusesUntil <= .now
            var entries = [
                pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listens ? socket.descriptor : -1, events: Int16(POLLIN), revents: 0),
            ]
            entries += connections.map { pollfd(fd: $0.descriptor, events: $0.events ?? 0, revents: 0) }
            let isIdle = connections.isEmpty && listens
            _ = poll(&entries, nfds_t(entries.count), isIdle ? -1 : 250)
            if entries[0].revents != 0 { return }
            for (connection, entry) in zip(connections, entries[2...]) where entry.revents != 0 {
                connection.proceed(answer: answer)
            }
            connections.removeAll { $0.events == nil || $0.deadline <= .now }
            if entries[1].revents != 0, let refusal = admit(to: &connections) { refusesUntil = refusal }
        }
    }

    /// Takes newcomers in; for some of them others leave.
    /// - Returns: Until when to take no more connections: out of descriptors, the same one would wake us for ever.
    private func admit(to connections: inout [HTTPConnection]) -> ContinuousClock.Instant? {
        for _ in 0..<Self.mostNewcomers {
            guard let (descriptor, peer) = socket.accept() else {
                let code = errno
                return [EAGAIN, EINTR, ECONNABORTED].contains(code) ? nil : .now + .seconds(1)
            }
            let isShort = DescriptorReserve.has(descriptor, for: .callers)
            let guests = connections.map(\.guest)
            if let place = HTTPPlaces.leaving(for: peer, among: guests, mustLeave: isShort) {
                connections.remove(at: place)
            } else if isShort {
                close(descriptor)
                return .now + .seconds(1)
            }
            let connection = HTTPConnection(descriptor: descriptor, peer: peer, deadline: .now + Self.timeLimit)
            connection.proceed(answer: answer)  // what it asks has often come with it
            connections.append(connection)
        }
        return nil
    }
}
