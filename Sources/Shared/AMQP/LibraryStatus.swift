import CRabbitMQ

extension amqp_rpc_reply_t {
    /// - Parameter action: what was asked for, for the message.
    func check(_ action: String) throws(AMQPError) {
        switch reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw serverError(action)
        case AMQP_RESPONSE_LIBRARY_EXCEPTION where library_error == AMQP_STATUS_TIMEOUT.rawValue:
            throw AMQPError(.timedOut, "\(action): the broker did not answer in time")
        case AMQP_RESPONSE_LIBRARY_EXCEPTION:
            throw AMQPError(.connectionLost, "\(action): \(AMQPError.text(library_error))")
        default: throw AMQPError(.connectionLost, "\(action): the broker closed the connection")
        }
    }

    private func serverError(_ action: String) -> AMQPError {
        switch reply.decoded == nil ? .other : IncomingFrame.method(reply) {
        case .channelClose(let code, let text): AMQPError(.channelClosed(code), "\(action): \(code) \(text)")
        case .connectionClose(let code, let text): AMQPError(.closedByBroker(code), "\(action): \(code) \(text)")
        default: AMQPError(.protocolViolation, "\(action): an answer that does not belong there")
        }
    }
}

extension AMQPError {
    static func text(_ status: Int32) -> String { String(cString: amqp_error_string2(status)) }

    /// The error for a connection that ended while it was used.
    static func lost(_ status: Int32) -> AMQPError {
        switch status {
        case AMQP_STATUS_BAD_AMQP_DATA.rawValue, AMQP_STATUS_UNKNOWN_CLASS.rawValue,
            AMQP_STATUS_UNKNOWN_METHOD.rawValue:
            AMQPError(.protocolViolation, "reading from the broker: \(text(status))")
        default: AMQPError(.connectionLost, "reading from the broker: \(text(status))")
        }
    }

    /// The error for a connection that did not come about.
    static func notConnected(_ status: Int32) -> AMQPError {
        switch status {
        case AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue:
            AMQPError(.certificateRefused, "the broker's certificate is refused: \(text(status))")
        case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue:
            AMQPError(.certificateRefused, "the broker's certificate is for another host name")
        case AMQP_STATUS_TIMEOUT.rawValue:
            AMQPError(.timedOut, "connecting took too long")
        default: AMQPError(.connectFailed, "cannot connect: \(text(status))")
        }
    }
}
