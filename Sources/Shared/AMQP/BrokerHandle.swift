import CRabbitMQ
import Glibc

/// Owns one connection of the C library and ends it exactly once. The library connects the socket and shakes hands with TLS;
/// every byte after that is read and written by ``transport``.
struct BrokerHandle: ~Copyable {
    let raw: amqp_connection_state_t
    /// The socket; -1 before the library has connected it.
    var descriptor: Int32 { amqp_get_sockfd(raw) }
    /// The OpenSSL session; nil without TLS.
    var session: OpaquePointer?
    /// How bytes come and go, once the socket is connected.
    var transport: Transport { Transport(descriptor: descriptor, session: session) }

    init() throws(AMQPError) {
        guard let raw = amqp_new_connection() else { throw AMQPError(.noResources, "out of memory for a connection") }
        self.raw = raw
    }

    deinit {
        // The library ends TLS with a wait that has no limit, unless the socket is shut first.
        if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
        amqp_destroy_connection(raw)
    }
}

extension timeval {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
