/// How a connection to a broker is protected by TLS: the parameters of RabbitMQ's "URI Query Parameters" that concern it.
public struct AMQPTLS: Sendable, Equatable {
    /// `cacertfile`: the authorities that may have signed the broker's certificate, a PEM file; those of the system if
    /// left out.
    public var authorityFile = "/etc/ssl/certs/ca-certificates.crt"
    /// `verify=verify_none` sets it to false: then anybody may claim to be the broker.
    public var verifiesBroker = true
    /// `certfile` and `keyfile`: what this side shows, if the broker asks for it; PEM files.
    public var client: ClientCertificate?

    /// A certificate and its private key.
    public struct ClientCertificate: Sendable, Equatable {
        public var certificateFile: String
        public var keyFile: String
    }

    public init() {}

    /// - Parameter query: what follows the `?`. It may be a piece of a password that holds a raw `?`, so no message shows
    ///   it.
    init(query: Substring) throws(EndpointParser.Failure) {
        var files: [Substring: String] = [:]
        for pair in query.split(separator: "&") {
            guard let equals = pair.firstIndex(of: "=") else { throw Self.unknown }
            let name = pair[..<equals]
            let value = try EndpointParser.percentDecoded(pair[pair.index(after: equals)...])
            switch name {
            case "cacertfile", "certfile", "keyfile": files[name] = value
            case "verify" where value == "verify_peer": verifiesBroker = true
            case "verify" where value == "verify_none": verifiesBroker = false
            default: throw Self.unknown
            }
        }
        if let file = files["cacertfile"] { authorityFile = file }
        if let certificate = files["certfile"] {
            // A file may hold both.
            client = ClientCertificate(certificateFile: certificate, keyFile: files["keyfile"] ?? certificate)
        } else if files["keyfile"] != nil {
            throw EndpointParser.Failure(problem: "keyfile needs a certfile")
        }
    }

    private static var unknown: EndpointParser.Failure {
        EndpointParser.Failure(
            problem: "behind the ? there may be cacertfile, certfile, keyfile and verify (verify_peer or verify_none); "
                + "a ? in the password must be written %3F")
    }
}
