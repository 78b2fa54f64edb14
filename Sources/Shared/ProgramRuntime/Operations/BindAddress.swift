import Glibc

/// An address to listen on: `127.0.0.1:9464`, `[::1]:9464`, `0.0.0.0:9464`; port 0 takes any free port.
public struct BindAddress: Sendable, Equatable, CustomStringConvertible {
    /// A numeric IPv4 or IPv6 address, without brackets.
    public let host: String
    /// The port; 0 for any free one.
    public let port: UInt16

    let isIPv6: Bool

    /// - Parameter text: A numeric address or `localhost`, and a port; nil for anything else.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        isIPv6 = host.hasPrefix("[") && host.hasSuffix("]")
        if isIPv6 { host = host.dropFirst().dropLast() }
        self.host = host == "localhost" ? "127.0.0.1" : String(host)
        self.port = port
        var storage = in6_addr()
        guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, self.host, &storage) == 1 else { return nil }
    }

    private init(host: String, port: UInt16, isIPv6: Bool) {
        self.host = host
        self.port = port
        self.isIPv6 = isIPv6
    }

    public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only programs of this machine can reach it.
    public var isLoopback: Bool { host == "::1" || (!isIPv6 && host.hasPrefix("127.")) }

    /// The same address with the port that the system has chosen.
    func with(port: UInt16) -> BindAddress {
        BindAddress(host: host, port: port, isIPv6: isIPv6)
    }

    /// Calls the body with the address in the form that the socket calls take.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            inet_pton(AF_INET6, host, &address.sin6_addr)
            return Self.rebound(&address, body)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return Self.rebound(&address, body)
    }

    private static func rebound<Address, Result>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
}

extension Setting where Value == BindAddress {
    /// An address to listen on; see ``BindAddress``.
    public static func bindAddress(_ name: String, flag: String?, default defaultText: String, help: String) -> Self {
        Setting(
            name, flag: flag, default: BindAddress(defaultText), defaultText: defaultText,
            allowed: "address:port, numeric, IPv6 in brackets", help: help
        ) { BindAddress($0) }
    }
}
