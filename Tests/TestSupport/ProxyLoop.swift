import Glibc
import Synchronization

/// The thread of a ``TestProxy``: one `poll(2)` over all its connections.
final class ProxyLoop {
    private let listener: Int32
    private let control: Int32
    private let target: UInt16
    private let shared: TestProxy.Shared
    private var shape = TestProxy.Shape()
    private var peers: [Int32: Int32] = [:]
    private var isSilent = false
    private var forgotten: [Int32] = []
    private var servers: Set<Int32> = []
    private var silentServers: [(descriptor: Int32, until: ContinuousClock.Instant)] = []
    /// What a descriptor has still to be given, and when at the earliest.
    private var unsent: [Int32: ArraySlice<UInt8>] = [:]
    private var due: [Int32: ContinuousClock.Instant] = [:]
    /// How much may still pass to a descriptor.
    private var budgets: [Int32: Int] = [:]
    /// Servers whose next answer is lost.
    private var muted: Set<Int32> = []
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(listener: Int32, control: Int32, target: UInt16, shared: TestProxy.Shared) {
        (self.listener, self.control, self.target, self.shared) = (listener, control, target, shared)
    }

    func run() {
        defer {
            for descriptor in [listener, control] + peers.keys + forgotten + silentServers.map(\.descriptor) {
                close(descriptor)
            }
        }
        while true {
            let now = ContinuousClock.now
            var list = isSilent ? [] : [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            for (descriptor, peer) in peers where !isSilent { list.append(interest(descriptor, peer, now)) }
            list.append(pollfd(fd: control, events: Int16(POLLIN), revents: 0))
            let count = poll(&list, nfds_t(list.count), timeout(now))
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

    /// Who has more to get than he takes is written to before his peer is read again.
    private func interest(_ descriptor: Int32, _ peer: Int32, _ now: ContinuousClock.Instant) -> pollfd {
        let isDue = due[descriptor].map { $0 <= now } ?? true
        let mayRead = unsent[peer] == nil && budgets[peer] != 0
        let events = (unsent[descriptor] != nil && isDue ? POLLOUT : 0) | (mayRead ? POLLIN : 0)
        return pollfd(fd: events == 0 ? -1 : descriptor, events: Int16(events), revents: 0)
    }

    private func timeout(_ now: ContinuousClock.Instant) -> Int32 {
        let next = unsent.keys.compactMap { due[$0] }.filter { $0 > now }.min()
        let milliseconds = next.map { max(1, Int32(($0 - now) / .milliseconds(1)) + 1) }
        guard silentServers.isEmpty else { return min(500, milliseconds ?? 500) }
        return milliseconds ?? -1
    }

    private func obey() -> Bool {
        var byte: UInt8 = 0
        guard read(control, &byte, 1) == 1, let command = TestProxy.Command(rawValue: byte) else { return false }
        switch command {
        case .fallSilent: isSilent = true
        case .forget:
            forgotten += peers.keys.filter { !servers.contains($0) }
            silentServers += peers.keys.filter(servers.contains).map { ($0, .now + .seconds(15)) }
            (peers, unsent, servers, due, budgets) = ([:], [:], [], [:], [:])
        case .cut: for descriptor in peers.keys { drop(descriptor) }
        case .reshape:
            shape = shared.wanted.withLock { $0 }
            budgets = [:]
            if let passes = shape.passes { for descriptor in peers.keys { budgets[descriptor] = passes } }
        case .end: return false
        }
        return true
    }

    private func accept() {
        let client = Glibc.accept(listener, nil, nil)
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        let server = socket(AF_INET, TestProxy.streamWithoutHeirs, 0)
        var address = TestProxy.address(port: target)
        guard client >= 0, !shape.refusesConnections, TestProxy.with(&address, { connect(server, $0, $1) }) == 0 else {
            close(client)
            close(server)
            return
        }
        peers[client] = server
        peers[server] = client
        servers.insert(server)
        if let passes = shape.passes { (budgets[client], budgets[server]) = (passes, passes) }
    }

    /// Never blocks: a descriptor may have got another connection since it was looked at.
    private func forward(_ from: Int32) {
        guard let to = peers[from], unsent[to] == nil else { return }
        let limit = min(buffer.count, budgets[to] ?? buffer.count)
        guard limit > 0 else { return }
        let count = recv(from, &buffer, limit, Int32(MSG_DONTWAIT))
        guard count > 0 else {
            if count == 0 || errno != EAGAIN { drop(from) }
            return
        }
        if isTrapped(from, to, buffer[..<count]) { return drop(from) }
        unsent[to] = buffer[..<count]
        if let budget = budgets[to] { budgets[to] = budget - count }
        if shape.delay > .zero { due[to] = max(due[to] ?? .now, .now + shape.delay) }
        if due[to].map({ $0 <= .now }) ?? true { writeOn(to) }
    }

    /// Whether the connection ends here.
    private func isTrapped(_ from: Int32, _ to: Int32, _ bytes: ArraySlice<UInt8>) -> Bool {
        if muted.contains(from) { return true }
        guard let trap = shape.trap, servers.contains(to), bytes.contains(trap.words) else { return false }
        shape.trap = nil
        shared.trapped.withLock { $0 += 1 }
        if trap.isAfterForwarding { muted.insert(to) }
        return !trap.isAfterForwarding
    }

    private func writeOn(_ to: Int32) {
        guard peers[to] != nil, let bytes = unsent[to] else { return }
        let taken = bytes.withUnsafeBytes { Glibc.send(to, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
        guard taken > 0 || errno == EAGAIN else { return drop(to) }
        let rest = bytes.dropFirst(max(0, taken))
        unsent[to] = rest.isEmpty ? nil : rest
        due[to] = shape.bytesPerSecond.map { .now + .seconds(Double(max(0, taken)) / Double($0)) }
    }

    private func drop(_ descriptor: Int32) {
        guard let peer = peers.removeValue(forKey: descriptor) else { return }
        peers[peer] = nil
        for end in [descriptor, peer] {
            servers.remove(end)
            muted.remove(end)
            (unsent[end], due[end], budgets[end]) = (nil, nil, nil)
            close(end)
        }
    }
}
