import Glibc
import Synchronization

/// A broker of the tests' own on 127.0.0.1, that says what a real one never would. Each connection is served by a thread, by
/// the function that it was made with.
public final class FakeBroker: Sendable {
    private let listener: Int32
    /// Where it listens.
    public let port: UInt16
    private let isOver = Atomic<Bool>(false)

    /// - Parameter serve: what happens on each connection; it is closed when this returns.
    /// - Throws: when the socket or the thread cannot be made.
    public init(_ serve: @escaping @Sendable (FakeBrokerPeer) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) + listen(listener, 64) + getsockname(listener, generic, &length)
            }
        }
        guard listener >= 0 && status == 0 else { throw Failure(code: errno) }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        try Self.onThread { [self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0, !isOver.load(ordering: .relaxed) else {
                    if descriptor >= 0 { close(descriptor) }
                    break
                }
                try? Self.onThread {
                    let peer = FakeBrokerPeer(descriptor: descriptor)
                    serve(peer)
                    shutdown(descriptor, Int32(SHUT_RDWR))
                    close(descriptor)
                }
            }
            close(listener)
        }
    }

    /// Takes no connections any more.
    public func stop() {
        isOver.store(true, ordering: .relaxed)
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private struct Failure: Error {
        let code: Int32
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private static func onThread(_ body: @escaping @Sendable () -> Void) throws {
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Work(body)).toOpaque())
        guard status == 0 else { throw Failure(code: status) }
        pthread_detach(thread)
    }
}

/// One connection of a ``FakeBroker``. Everything ends after two seconds without the other side.
public struct FakeBrokerPeer: Sendable {
    let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// - Returns: whether the other side has taken all.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let taken = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard taken > 0 else { return false }
            sent += taken
        }
        return true
    }

    /// Reads as many bytes; nil when they don't come.
    public func read(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let taken = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + have, count - have, 0) }
            guard taken > 0 else { return nil }
            have += taken
        }
        return bytes
    }

    /// The next frame of the client: its channel and, of a method, its number.
    public func readFrame() -> (channel: UInt16, method: UInt32?)? {
        guard let start = read(7) else { return nil }
        let size = start[3...6].reduce(0) { $0 << 8 | Int($1) }
        guard let rest = read(size + 1) else { return nil }
        let method = start[0] == 1 && size >= 4 ? rest[0..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } : nil
        return (UInt16(start[1]) << 8 | UInt16(start[2]), method)
    }
}
