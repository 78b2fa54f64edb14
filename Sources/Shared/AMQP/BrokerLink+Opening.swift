import CRabbitMQ
import Glibc

extension BrokerLink {
    /// The largest frame that this program takes, in bytes; the broker's own standard.
    private static let frameLimit: Int32 = 131_072

    /// Connects to the first endpoint that answers, logs in and opens the channel. Blocks, for at most
    /// `connectTimeout` an endpoint, name resolution not counted.
    static func open(_ configuration: AMQPConfiguration) throws(AMQPError) -> BrokerLink {
        var failures: [AMQPError] = []
        var messages: [String] = []
        for endpoint in configuration.reread?() ?? configuration.endpoints {
            do throws(AMQPError) {
                return try open(endpoint, configuration)
            } catch {
                failures.append(error)
                messages.append("\(endpoint): \(error.message)")
            }
        }
        // What somebody must repair is worth more than the news that a second broker is down.
        let kind = (failures.first { $0.recovery == .fix } ?? failures.last)?.kind ?? .connectFailed
        throw AMQPError(kind, messages.isEmpty ? "no broker address is configured" : messages.joined(separator: "; "))
    }

    private static func open(
        _ endpoint: AMQPEndpoint, _ configuration: AMQPConfiguration
    ) throws(AMQPError) -> BrokerLink {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        let handle = try BrokerHandle()
        try connect(try newSocket(for: endpoint, handle), to: endpoint, within: configuration.connectTimeout)

        var limit = timeval(max(deadline - .now, .milliseconds(1)))
        amqp_set_handshake_timeout(handle.raw, &limit)
        let seconds = Int32(clamping: max(configuration.heartbeat.components.seconds, 1))
        try checkLogin(
            candlepost_login(
                handle.raw, endpoint.virtualHost, frameLimit, min(seconds, 65_535), configuration.connectionName,
                endpoint.user, endpoint.password))
        let negotiated = amqp_get_heartbeat(handle.raw)
        // From here on the library neither sends nor checks heartbeats: its check makes a publish block for ever.
        amqp_tune_connection(handle.raw, amqp_get_channel_max(handle.raw), amqp_get_frame_max(handle.raw), 0)

        limit = timeval(configuration.replyTimeout)
        amqp_set_rpc_timeout(handle.raw, &limit)
        let link = BrokerLink(
            handle: handle, address: endpoint.description,
            heartbeat: negotiated > 0 ? .seconds(Int(negotiated)) : nil,
            libraryWriteTimeout: endpoint.tls != nil ? configuration.writeTimeout : nil)
        try link.openChannel()
        return link
    }

    private static func connect(
        _ socket: OpaquePointer, to endpoint: AMQPEndpoint, within timeout: Duration
    ) throws(AMQPError) {
        var limit = timeval(timeout)
        var reason = 0
        let status = withUnsafeMutablePointer(to: &reason) { reason in
            if endpoint.tls?.verifiesBroker == true { candlepost_verify(socket, reason) }
            defer { if endpoint.tls != nil { candlepost_forget_reason(socket) } }
            return amqp_socket_open_noblock(socket, endpoint.host, Int32(endpoint.port), &limit)
        }
        guard status != AMQP_STATUS_OK.rawValue else { return }
        guard let refusal = candlepost_refusal(reason) else { throw .notConnected(status) }
        throw AMQPError(.certificateRefused, "the broker's certificate is refused: \(String(cString: refusal))")
    }

    private static func newSocket(
        for endpoint: AMQPEndpoint, _ handle: borrowing BrokerHandle
    ) throws(AMQPError) -> OpaquePointer {
        guard let socket = endpoint.tls == nil ? amqp_tcp_socket_new(handle.raw) : amqp_ssl_socket_new(handle.raw)
        else {
            throw AMQPError(.noResources, "out of memory for a socket")
        }
        guard let tls = endpoint.tls else { return socket }
        amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
        amqp_ssl_socket_set_verify_peer(socket, tls.verifiesBroker ? 1 : 0)
        amqp_ssl_socket_set_verify_hostname(socket, tls.verifiesBroker ? 1 : 0)
        if tls.verifiesBroker, amqp_ssl_socket_set_cacert(socket, tls.authorityFile) != AMQP_STATUS_OK.rawValue {
            throw AMQPError(.certificateRefused, "cannot read certificates from \(tls.authorityFile)")
        }
        if let client = tls.client,
            amqp_ssl_socket_set_key(socket, client.certificateFile, client.keyFile) != AMQP_STATUS_OK.rawValue
        {
            throw AMQPError(
                .certificateRefused,
                "cannot use the certificate \(client.certificateFile) with the key \(client.keyFile)")
        }
        return socket
    }

    private static func checkLogin(_ reply: amqp_rpc_reply_t) throws(AMQPError) {
        do throws(AMQPError) {
            try reply.check("login")
        } catch {
            if error.kind == .closedByBroker(403) { throw AMQPError(.authenticationRefused, error.message) }
            throw error
        }
    }
}
