/// One broker address with the credentials for it.
public struct AMQPEndpoint: Sendable, Equatable {
    public var host: String
    public var port: UInt16
    public var user: String
    public var password: String
    public var virtualHost: String
    public var usesTLS: Bool

    public init(
        host: String, port: UInt16 = 5672, user: String = "guest", password: String = "guest",
        virtualHost: String = "/", usesTLS: Bool = false
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
        self.usesTLS = usesTLS
    }

    /// Reads `amqp://user:password@host:port/vhost` or `amqps://…`; several, separated by commas, are tried in turn.
    ///
    /// User, password and virtual host are percent-decoded, so `,` `@` `:` and `/` in them must be written `%2C` `%40`
    /// `%3A` `%2F`. No path and a path of `/` alone both mean the virtual host "/".
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

extension AMQPEndpoint: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The address without user and password.
    public var description: String {
        let shownHost = host.contains(":") ? "[\(host)]" : host
        return "\(usesTLS ? "amqps" : "amqp")://\(shownHost):\(port)/\(virtualHost == "/" ? "" : virtualHost)"
    }

    public var debugDescription: String { description }

    /// Hides the password from `dump` and string interpolation of containing values.
    public var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
