import Glibc
import Synchronization

/// A TCP proxy on this machine that can fall silent or cut its connections, for tests of broken networks.
public final class TestProxy: Sendable {
    enum Command: UInt8 {
        case fallSilent, cut, forget, reshape, end
    }

    /// What becomes of the bytes that are forwarded.
    struct Shape: Sendable {
        /// Each way.
        var delay = Duration.zero
        /// Each way of each connection; nil: as many as come.
        var bytesPerSecond: Int?
        /// So many bytes pass each way of each connection, then none; nil: all do.
        var passes: Int?
        var refusesConnections = false
        var trap: Trap?
    }

    /// Cuts one connection when its client has said something.
    struct Trap: Sendable {
        let words: [UInt8]
        let isAfterForwarding: Bool
    }

    /// What is lost of an exchange.
    public enum Half: Sendable {
        /// The server never hears it.
        case request
        /// The server hears it, and its answer is lost.
        case reply
    }

    /// Where it listens, on 127.0.0.1.
    public let port: UInt16
    private let control: Int32
    private let shape = Shared()

    /// What the thread is told, and what it tells.
    final class Shared: Sendable {
        let wanted = Mutex(Shape())
        let trapped = Mutex(0)
    }

    /// Starts forwarding to a port of 127.0.0.1.
    public init(to target: UInt16) {
        signal(SIGPIPE, SIG_IGN)
        let listener = socket(AF_INET, Self.streamWithoutHeirs, 0)
        var address = Self.address(port: 0)
        precondition(Self.with(&address) { bind(listener, $0, $1) } == 0 && listen(listener, 16) == 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = Self.with(&address) { name, _ in getsockname(listener, UnsafeMutablePointer(mutating: name), &length) }
        port = UInt16(bigEndian: address.sin_port)
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0)
        control = ends[1]

        let loop = ProxyLoop(listener: listener, control: ends[0], target: target, shared: shape)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<ProxyLoop>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(loop).toOpaque())
        precondition(status == 0)
        pthread_detach(thread)
    }

    deinit {
        send(.end)
        close(control)
    }

    /// Keeps all connections open and moves no byte any more.
    public func fallSilent() { send(.fallSilent) }

    /// Moves no byte any more of the connections there are; new ones are forwarded. The clients' ends stay open; the
    /// server's are closed after 15 seconds, when its keepalives would have gone unanswered.
    public func forget() { send(.forget) }

    /// Closes all connections; new ones are forwarded.
    public func cut() { send(.cut) }

    /// Closes all connections and refuses new ones until ``forwardFreely()``.
    public func refuse() {
        change { $0.refusesConnections = true }
        cut()
    }

    /// Delays what comes, each way, and limits how much of it may pass in a second.
    public func slowDown(delay: Duration, bytesPerSecond: Int) {
        change { ($0.delay, $0.bytesPerSecond) = (delay, bytesPerSecond) }
    }

    /// Lets so many bytes pass, each way of each connection, and then none.
    public func stall(after bytes: Int) { change { $0.passes = bytes } }

    /// Cuts the next connection whose client says this, before the server hears it or before its answer comes.
    public func cut(at words: String, losing half: Half) {
        change { $0.trap = Trap(words: Array(words.utf8), isAfterForwarding: half == .reply) }
    }

    /// How many connections were cut because of what was said.
    public var trappedCount: Int { shape.trapped.withLock { $0 } }

    /// Ends what the calls before began.
    public func forwardFreely() { change { $0 = Shape() } }

    private func change(_ change: (inout Shape) -> Void) {
        shape.wanted.withLock { change(&$0) }
        send(.reshape)
    }

    private func send(_ command: Command) {
        var byte = command.rawValue
        _ = write(control, &byte, 1)
    }

    /// A program that is started meanwhile would keep connections open that are cut here.
    static let streamWithoutHeirs = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

    static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    static func with<Result>(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafeMutableBytes(of: &address) { bytes in
            body(
                UnsafePointer(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)),
                socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
