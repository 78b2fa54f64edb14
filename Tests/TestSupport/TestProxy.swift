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
        let listener = socket(AF_INET, Self.streamWithoutHeirs, 0)
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

    /// Moves no byte any more of the connections there are; new ones are forwarded. The clients' ends stay open; the
    /// server's are closed after 15 seconds, when its keepalives would have gone unanswered.
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
        private var servers: Set<Int32> = []
        private var silentServers: [(descriptor: Int32, until: ContinuousClock.Instant)] = []
        /// What a descriptor has still to be given.
        private var unsent: [Int32: ArraySlice<UInt8>] = [:]
        private var buffer = [UInt8](repeating: 0, count: 65_536)

        init(listener: Int32, control: Int32, target: UInt16) {
            (self.listener, self.control, self.target) = (listener, control, target)
        }

        func run() {
            defer {
                for descriptor in [listener, control] + peers.keys + forgotten + silentServers.map(\.descriptor) {
                    close(descriptor)
                }
            }
            while true {
                var list = isSilent ? [] : [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
                // Who has more to get than he takes is written to before his peer is read again.
                for (descriptor, peer) in peers where !isSilent {
                    let events = (unsent[descriptor] == nil ? 0 : POLLOUT) | (unsent[peer] == nil ? POLLIN : 0)
                    list.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
                }
                list.append(pollfd(fd: control, events: Int16(POLLIN), revents: 0))
                let count = poll(&list, nfds_t(list.count), silentServers.isEmpty ? -1 : 500)
                while let first = silentServers.first, first.until < .now {
                    close(first.descriptor)
                    silentServers.removeFirst()
                }
                guard count > 0 else { continue }
                for item in list where item.revents != 0 && item.fd != listener && item.fd != control {
                    if item.revents & Int16(POLLOUT) != 0 { writeOn(item.fd) }
                    if item.revents & ~Int16(POLLOUT) != 0 { forward(item.fd) }
                }
                if list.contains(where: { $0.fd == listener && $0.revents != 0 }) { accept() }
                if list.contains(where: { $0.fd == control && $0.revents != 0 }) {
                    guard obey() else { return }
                }
            }
        }

        private func obey() -> Bool {
            var byte: UInt8 = 0
            guard read(control, &byte, 1) == 1, let command = Command(rawValue: byte) else { return false }
            switch command {
            case .fallSilent: isSilent = true
            case .forget:
                forgotten += peers.keys.filter { !servers.contains($0) }
                silentServers += peers.keys.filter(servers.contains).map { ($0, .now + .seconds(15)) }
                (peers, unsent, servers) = ([:], [:], [])
            case .cut: for descriptor in peers.keys { drop(descriptor) }
            case .end: return false
            }
            return true
        }

        private func accept() {
            let client = Glibc.accept(listener, nil, nil)
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            let server = socket(AF_INET, TestProxy.streamWithoutHeirs, 0)
            var address = TestProxy.address(port: target)
            guard client >= 0, TestProxy.with(&address, { connect(server, $0, $1) }) == 0 else {
                close(client)
                close(server)
                return
            }
            peers[client] = server
            peers[server] = client
            servers.insert(server)
        }

        /// Never blocks: a descriptor may have got another connection since it was looked at.
        private func forward(_ from: Int32) {
            guard let to = peers[from], unsent[to] == nil else { return }
            let count = recv(from, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else {
                if count == 0 || errno != EAGAIN { drop(from) }
                return
            }
            unsent[to] = buffer[..<count]
            writeOn(to)
        }

        private func writeOn(_ to: Int32) {
            guard peers[to] != nil, let bytes = unsent[to] else { return }
            let taken = bytes.withUnsafeBytes { Glibc.send(to, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
            guard taken > 0 || errno == EAGAIN else { return drop(to) }
            let rest = bytes.dropFirst(max(0, taken))
            unsent[to] = rest.isEmpty ? nil : rest
        }

        private func drop(_ descriptor: Int32) {
            guard let peer = peers.removeValue(forKey: descriptor) else { return }
            peers[peer] = nil
            for end in [descriptor, peer] {
                servers.remove(end)
                unsent[end] = nil
                close(end)
            }
        }
    }

    /// A program that is started meanwhile would keep connections open that are cut here.
    private static let streamWithoutHeirs = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

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
