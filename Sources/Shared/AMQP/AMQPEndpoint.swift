import Glibc

/// One broker address with the credentials for it.
public struct AMQPEndpoint: Sendable, Equatable {
    public var host: String
    public var port: UInt16
    public var user: String
    public var password: String
    public var virtualHost: String
    /// How the connection is protected; nil for `amqp`, which is not.
    public var tls: AMQPTLS?

    public init(
        host: String, port: UInt16 = 5672, user: String = "guest", password: String = "guest",
        virtualHost: String = "/", tls: AMQPTLS? = nil
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
        self.tls = tls
    }

    /// Reads `amqp://user:password@host:port/vhost` or `amqps://…`; several, separated by commas, are tried in turn.
    ///
    /// User, password and virtual host are percent-decoded, so `,` `@` `:` `/` and `?` in them must be written `%2C`
    /// `%40` `%3A` `%2F` `%3F`. No path and a path of `/` alone both mean the virtual host "/". For the parameters that may
    /// follow a `?` see ``AMQPTLS``.
    /// - Throws: ``AMQPError`` of kind `wrongURL`; its message never repeats the address, which holds a password.
    public static func parse(_ urls: String) throws(AMQPError) -> [AMQPEndpoint] {
        var endpoints: [AMQPEndpoint] = []
        for (index, url) in urls.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            do {
                endpoints.append(try AMQPEndpoint(url: EndpointParser.trimmed(url)))
            } catch {
                throw AMQPError(.wrongURL, "broker address \(index + 1): \(error.problem)")
            }
        }
        return endpoints
    }
}

extension AMQPEndpoint {
    /// What an operator should know of how the connection is protected; nil if it is as it should be.
    public var warning: String? {
        if isExposed { return "the connection to \(self) is without TLS: whoever is on the way can read along" }
        return tls?.verifiesBroker == false ? "the certificate of \(self) is not verified: anybody may pose as it" : nil
    }

    /// Whether others could read along: no TLS, and not this machine.
    public var isExposed: Bool {
        guard tls == nil, host != "localhost", host != "::1" else { return false }
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) != 1 || UInt32(bigEndian: address.s_addr) >> 24 != 127
    }
}

extension AMQPEndpoint: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The address without user and password.
    public var description: String {
        let shownHost = host.contains(":") ? "[\(host)]" : host
        return "\(tls == nil ? "amqp" : "amqps")://\(shownHost):\(port)/\(virtualHost == "/" ? "" : virtualHost)"
    }

    public var debugDescription: String { description }

    /// Hides the password from `dump` and string interpolation of containing values.
    public var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
