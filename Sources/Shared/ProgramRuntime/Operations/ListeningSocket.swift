import Glibc

/// A listening TCP socket; closed with its owner.
final class ListeningSocket: Sendable {
    /// Those that have not been accepted yet: many, so that a flood of others keeps no probe from its connection.
    private static let backlog: Int32 = 1024

    let descriptor: Int32
    /// With the port that the system has chosen, if it was 0.
    let address: BindAddress

    /// - Throws: ``SystemError`` when the address is taken, not of this machine, or not allowed.
    init(_ address: BindAddress) throws(SystemError) {
        let descriptor = socket(address.isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError(code: errno) }
        self.descriptor = descriptor
        var port = address.port
        let code = Self.listen(descriptor, address, chosenPort: &port)
        self.address = address.with(port: port)
        guard code == 0 else { throw SystemError(code: code) }
    }

    deinit { close(descriptor) }

    /// The next connection, not blocking, and where it comes from; nil and `errno` when there is none.
    func accept() -> (descriptor: Int32, peer: HTTPPeer)? {
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let connection = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.accept(descriptor, $0, &length) }
        }
        guard connection >= 0 else { return nil }
        Self.prepare(connection)
        return (connection, HTTPPeer(address))
    }

    private static func listen(_ descriptor: Int32, _ address: BindAddress, chosenPort: inout UInt16) -> Int32 {
        prepare(descriptor)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard address.withSockaddr({ bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, backlog) == 0 else {
            return errno
        }
        chosenPort = port(of: descriptor) ?? chosenPort
        return 0
    }

    private static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    /// The port lies at the same place in the addresses of both families.
    private static func port(of descriptor: Int32) -> UInt16? {
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return status == 0 ? UInt16(bigEndian: address.sin6_port) : nil
    }
}
