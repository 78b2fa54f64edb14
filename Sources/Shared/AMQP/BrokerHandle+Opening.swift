import CRabbitMQ

extension BrokerHandle {
    /// Connects to one address, and shakes hands with TLS where the endpoint says so. Blocks, up to the deadline.
    static func connect(
        to address: AMQPEndpoint.Address, of endpoint: AMQPEndpoint, until deadline: ContinuousClock.Instant
    ) throws(AMQPError) -> BrokerHandle {
        var handle = try BrokerHandle()
        guard let tls = endpoint.tls else {
            try open(amqp_tcp_socket_new(handle.raw), address, until: deadline)
            return handle
        }
        guard let socket = amqp_ssl_socket_new(handle.raw) else { throw noMemory }
        try prepare(socket, tls)
        handle.session = try withHandshake(endpoint, socket) { () throws(AMQPError) in
            try open(socket, address, until: deadline)
        }
        return handle
    }

    private static let noMemory = AMQPError(.noResources, "out of memory for a socket")

    private static func open(
        _ socket: OpaquePointer?, _ address: AMQPEndpoint.Address, until deadline: ContinuousClock.Instant
    ) throws(AMQPError) {
        guard let socket else { throw noMemory }
        var limit = timeval(max(deadline - .now, .milliseconds(1)))
        let status = amqp_socket_open_noblock(socket, address.host, Int32(address.port), &limit)
        guard status == AMQP_STATUS_OK.rawValue else { throw .notConnected(status) }
    }

    // MARK: TLS

    private static func prepare(_ socket: OpaquePointer, _ tls: AMQPTLS) throws(AMQPError) {
        candlepost_tls_rules(socket)
        amqp_ssl_socket_set_verify_peer(socket, tls.verifiesBroker ? 1 : 0)
        amqp_ssl_socket_set_verify_hostname(socket, 0)  // the library takes wildcards for addresses, and common names
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
    }

    /// Has the broker's certificate verified while the library shakes hands, before anything is said to it, by the name that
    /// the operator wrote.
    /// - Returns: the session. The library keeps it to itself.
    private static func withHandshake(
        _ endpoint: AMQPEndpoint, _ socket: OpaquePointer, _ connect: () throws(AMQPError) -> Void
    ) throws(AMQPError) -> OpaquePointer {
        var handshake = candlepost_handshake()
        let number = endpoint.numericHost
        guard candlepost_begin(socket, endpoint.host, number, endpoint.tls?.verifiesBroker == true, &handshake) else {
            throw noMemory
        }
        defer { candlepost_end(socket) }
        do throws(AMQPError) { try connect() } catch {
            switch candlepost_refusal(&handshake) {
            case nil: throw error
            case .some where candlepost_has_another_name(&handshake):
                throw AMQPError(.certificateRefused, "the broker's certificate is for another host name")
            case .some(let reason):
                throw AMQPError(.certificateRefused, "the broker's certificate is refused: \(String(cString: reason))")
            }
        }
        guard let session = handshake.session else { throw AMQPError(.connectFailed, "TLS began without a session") }
        return session
    }
}

extension AMQPError {
    /// The error for a connection that did not come about.
    fileprivate static func notConnected(_ status: Int32) -> AMQPError {
        let text = String(cString: amqp_error_string2(status))
        return switch status {
        case AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue:
            AMQPError(.certificateRefused, "the broker's certificate is refused: \(text)")
        case AMQP_STATUS_TIMEOUT.rawValue: AMQPError(.timedOut, "connecting took too long")
        default: AMQPError(.connectFailed, "cannot connect: \(text)")
        }
    }
}
