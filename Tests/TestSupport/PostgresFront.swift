import Glibc
import Synchronization

/// The first words of a PostgreSQL server on 127.0.0.1: it answers the question for TLS, and what comes then goes to
/// another port, or nowhere.
public final class PostgresFront: Sendable {
    /// Where it listens.
    public let port: UInt16
    private let listener: Int32
    private let heard = Mutex<[[UInt8]]>([])

    /// What each client sent after the answer.
    public var said: [[UInt8]] { heard.withLock { $0 } }

    /// - Parameters:
    ///   - answer: `S` for yes, `N` for no.
    ///   - target: where a TLS server listens; nil: nobody answers any more.
    public init(answer: Character, to target: UInt16? = nil) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = Self.address(0)
        let listener = listener
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = Self.with(&address) { bind(listener, $0, length) + listen(listener, 8) }
        precondition(status == 0)
        _ = Self.with(&address) { getsockname(listener, $0, &length) }
        port = UInt16(bigEndian: address.sin_port)
        let thread = Thread(listener: listener, answer: answer.asciiValue ?? 0, target: target) { [weak self] bytes in
            self?.heard.withLock { $0.append(bytes) }
        }
        thread.start()
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    fileprivate static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    fileprivate static func with(_ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Int32)
        -> Int32
    {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }
}

/// One client after the other.
private final class Thread: Sendable {
    private let listener: Int32
    private let answer: UInt8
    private let target: UInt16?
    private let hear: @Sendable ([UInt8]) -> Void

    init(listener: Int32, answer: UInt8, target: UInt16?, hear: @escaping @Sendable ([UInt8]) -> Void) {
        (self.listener, self.answer, self.target, self.hear) = (listener, answer, target, hear)
    }

    func start() {
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Thread>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0)
        pthread_detach(thread)
    }

    private func run() {
        while case let client = accept(listener, nil, nil), client >= 0 {
            serve(client)
            close(client)
        }
        close(listener)
    }

    private func serve(_ client: Int32) {
        var question = [UInt8](repeating: 0, count: 8)
        guard recv(client, &question, 8, Int32(MSG_WAITALL)) == 8 else { return hear([]) }
        var answer = answer
        _ = send(client, &answer, 1, Int32(MSG_NOSIGNAL))
        hear(forward(client, to: connected()))
    }

    private func connected() -> Int32? {
        guard let target else { return nil }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = PostgresFront.address(target)
        _ = PostgresFront.with(&address) { connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        return server
    }

    /// - Returns: what the client said.
    private func forward(_ client: Int32, to server: Int32?) -> [UInt8] {
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        defer { if let server { close(server) } }
        while true {
            var ends = [client, server ?? -1].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&ends, 2, 30_000) > 0 else { return said }
            for (end, other) in [(0, server), (1, client)] where ends[end].revents != 0 {
                let count = read(ends[end].fd, &buffer, buffer.count)
                guard count > 0 else { return said }
                if end == 0 { said += buffer[..<count] }
                if let other { _ = send(other, buffer, count, Int32(MSG_NOSIGNAL)) }
            }
        }
    }
}
