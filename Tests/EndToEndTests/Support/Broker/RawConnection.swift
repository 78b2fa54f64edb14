import AMQP
import CRabbitMQ
import Glibc

/// What a broker or its connection refused.
struct BrokerFailure: Error, CustomStringConvertible {
    let description: String
    /// The code by which the broker closed the channel, 0 for anything else.
    var channelCode: UInt16 = 0
}

/// A connection with one channel, as collectors and gateways written by others have one: by way of the C library and
/// not of the client under test. Blocks, so it needs a thread of its own.
struct RawConnection: ~Copyable {
    static let channel: amqp_channel_t = 1
    let raw: amqp_connection_state_t

    private init(raw: amqp_connection_state_t) { self.raw = raw }

    /// Connects, logs in and opens the channel.
    static func open(_ endpoint: AMQPEndpoint) throws(BrokerFailure) -> RawConnection {
        guard let raw = amqp_new_connection() else { throw BrokerFailure(description: "out of memory") }
        let connection = RawConnection(raw: raw)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        let status = amqp_socket_open_noblock(amqp_tcp_socket_new(raw), endpoint.host, Int32(endpoint.port), &limit)
        guard status == AMQP_STATUS_OK.rawValue else { throw failure(status, "connecting") }
        amqp_set_handshake_timeout(raw, &limit)
        amqp_set_rpc_timeout(raw, &limit)
        let reply = candlepost_login(
            raw, endpoint.virtualHost, 131_072, 0, "tests", endpoint.user, endpoint.password)
        try check(reply, "login")
        amqp_channel_open(raw, channel)
        try connection.checkReply("opening a channel")
        return connection
    }

    deinit { amqp_destroy_connection(raw) }

    /// Ends the connection in good order.
    consuming func close() {
        amqp_channel_close(raw, Self.channel, 200)
        amqp_connection_close(raw, 200)
    }

    /// Looks at the broker's answer to the last call.
    func checkReply(_ action: String) throws(BrokerFailure) {
        try Self.check(amqp_get_rpc_reply(raw), action)
    }

    static func check(_ reply: amqp_rpc_reply_t, _ action: String) throws(BrokerFailure) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: throw failure(reply.library_error, action)
        case AMQP_RESPONSE_SERVER_EXCEPTION where reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD:
            let code = reply.reply.decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee.reply_code
            throw BrokerFailure(description: "\(action): the broker closed the channel, \(code)", channelCode: code)
        default: throw BrokerFailure(description: "\(action): the broker refused")
        }
    }

    static func failure(_ status: Int32, _ action: String) -> BrokerFailure {
        BrokerFailure(description: "\(action): \(String(cString: amqp_error_string2(status)))")
    }
}

extension amqp_bytes_t {
    var array: [UInt8] { Array(UnsafeRawBufferPointer(start: bytes, count: len)) }
    var string: String { String(decoding: UnsafeRawBufferPointer(start: bytes, count: len), as: UTF8.self) }
}

/// Calls `body` with the text as the library wants it; it is valid inside only.
func withAMQPBytes<R>(_ text: String, _ body: (amqp_bytes_t) throws -> R) rethrows -> R {
    try text.withCString { try body(amqp_cstring_bytes($0)) }
}
