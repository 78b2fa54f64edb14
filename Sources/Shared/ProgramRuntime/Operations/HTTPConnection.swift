import Glibc

/// One connection of the endpoint: a request in, an answer out, and closed. Lives on the thread of ``HTTPLoop``.
final class HTTPConnection {
    private enum Phase {
        case reading([UInt8])
        case writing(ArraySlice<UInt8>)
        /// Answered: takes what still comes, because closing on unread bytes would destroy the answer on its way.
        case lingering
        case over
    }

    let descriptor: Int32
    let peer: HTTPPeer
    let deadline: ContinuousClock.Instant
    private var phase = Phase.reading([])

    init(descriptor: Int32, peer: HTTPPeer, deadline: ContinuousClock.Instant) {
        self.descriptor = descriptor
        self.peer = peer
        self.deadline = deadline
    }

    deinit { close(descriptor) }

    /// How far it is, for who gives up a place.
    var guest: HTTPPlaces.Guest {
        let stage: HTTPPlaces.Stage =
            switch phase {
            case .reading: .asking
            case .writing: .reading
            case .lingering, .over: .answered
            }
        return .init(peer: peer, stage: stage)
    }

    /// What to wait for in `poll(2)`; nil when the connection is over.
    var events: Int16? {
        switch phase {
        case .reading, .lingering: Int16(POLLIN)
        case .writing: Int16(POLLOUT)
        case .over: nil
        }
    }

    /// Goes on as far as the socket allows.
    func proceed(answer: (HTTPRequestHead) -> HTTPAnswer) {
        switch phase {
        case .reading(let bytes): receive(after: bytes, answer: answer)
        case .writing(let bytes): send(bytes)
        case .lingering: drain()
        case .over: break
        }
    }

    private func receive(after received: [UInt8], answer: (HTTPRequestHead) -> HTTPAnswer) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return endUnlessInterrupted(count) }
        let bytes = received + buffer[..<count]
        switch HTTPRequestHead.read(bytes) {
        case .incomplete: phase = .reading(bytes)
        case .complete(let request): send(answer(request).bytes[...])
        case .refused(let status): send(HTTPAnswer(status: status, body: status.rawValue + "\n").bytes[...])
        }
    }

    private func send(_ bytes: ArraySlice<UInt8>) {
        phase = .writing(bytes)
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count >= 0 else { return endUnlessInterrupted(count) }
        phase = .writing(bytes.dropFirst(count))
        if count == bytes.count {
            shutdown(descriptor, Int32(SHUT_WR))
            phase = .lingering
        }
    }

    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count <= 0 { endUnlessInterrupted(count) }
    }

    private func endUnlessInterrupted(_ count: Int) {
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        phase = .over
    }
}
