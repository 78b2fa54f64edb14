import Glibc

/// A TCP proxy on this machine that can fall silent or cut its connections, for tests of broken networks.
public final class TestProxy: Sendable {
    private enum Command: UInt8 {
        case fallSilent, cut, forget, end
    }

    /// Where it listens, on 127.0.0.1.
    public let port: UInt16
    private let control: Int32

    /// Starts forwarding to a port of 127.0.0.1.
    public init(to target: UInt16) {
        signal(SIGPIPE, SIG_IGN)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(port: 0)
        precondition(Self.with(&address) { bind(listener, $0, $1) } == 0 && listen(listener, 16) == 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = Self.with(&address) { name, _ in getsockname(listener, UnsafeMutablePointer(mutating: name), &length) }
        port = UInt16(bigEndian: address.sin_port)
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0)
        control = ends[1]

        let loop = Loop(listener: listener, control: ends[0], target: target)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Loop>.fromOpaque(argument!).takeRetainedValue().run()
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

    /// Keeps the connections there are open and moves no byte of them any more; new ones are forwarded.
    public func forget() { send(.forget) }

    /// Closes all connections; new ones are forwarded.
    public func cut() { send(.cut) }

    private func send(_ command: Command) {
        var byte = command.rawValue
        _ = write(control, &byte, 1)
    }

    // MARK: the thread

    private final class Loop {
        private let listener: Int32
        private let control: Int32
        private let target: UInt16
        private var peers: [Int32: Int32] = [:]
        private var isSilent = false
        private var forgotten: [Int32] = []
        private var buffer = [UInt8](repeating: 0, count: 65_536)

        init(listener: Int32, control: Int32, target: UInt16) {
            (self.listener, self.control, self.target) = (listener, control, target)
        }

        func run() {
            defer { for descriptor in [listener, control] + peers.keys + forgotten { close(descriptor) } }
            while true {
                let watched = isSilent ? [control] : [control, listener] + peers.keys
                var list = watched.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                guard poll(&list, nfds_t(list.count), -1) > 0 else { continue }
                for item in list where item.revents != 0 {
                    if item.fd == control {
                        guard obey() else { return }
                    } else if item.fd == listener {
                        accept()
                    } else {
                        forward(item.fd)
                    }
                }
            }
        }

        private func obey() -> Bool {
            var byte: UInt8 = 0
            guard read(control, &byte, 1) == 1, let command = Command(rawValue: byte) else { return false }
            switch command {
            case .fallSilent: isSilent = true
            case .forget:
                forgotten += peers.keys
                peers = [:]
            case .cut: for descriptor in peers.keys { drop(descriptor) }
            case .end: return false
            }
            return true
        }

        private func accept() {
            let client = Glibc.accept(listener, nil, nil)
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = TestProxy.address(port: target)
            guard client >= 0, TestProxy.with(&address, { connect(server, $0, $1) }) == 0 else {
                close(client)
                close(server)
                return
            }
            peers[client] = server
            peers[server] = client
        }

        private func forward(_ from: Int32) {
            guard let to = peers[from] else { return }
            let count = read(from, &buffer, buffer.count)
            guard count > 0 else { return drop(from) }
            var sent = 0
            while sent < count {
                let taken = buffer.withUnsafeBytes { write(to, $0.baseAddress! + sent, count - sent) }
                guard taken > 0 else { return drop(from) }
                sent += taken
            }
        }

        private func drop(_ descriptor: Int32) {
            guard let peer = peers.removeValue(forKey: descriptor) else { return }
            peers[peer] = nil
            close(descriptor)
            close(peer)
        }
    }

    private static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func with<Result>(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafeMutableBytes(of: &address) { bytes in
            body(
                UnsafePointer(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)),
                socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
