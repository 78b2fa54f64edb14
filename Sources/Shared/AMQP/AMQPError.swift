/// What went wrong between this program and the broker.
///
/// Its description holds neither passwords nor message bodies, so it may be logged as it is.
public struct AMQPError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The address list can't be understood.
        case wrongURL
        /// A queue name is empty or longer than 255 bytes.
        case wrongQueueName
        /// No broker could be reached.
        case connectFailed
        /// The broker's certificate is not trusted or names another host.
        case certificateRefused
        /// User or password are wrong.
        case authenticationRefused
        /// The connection broke.
        case connectionLost
        /// The broker closed the connection, with this code.
        case closedByBroker(UInt16)
        /// The broker closed the channel, with this code.
        case channelClosed(UInt16)
        /// The broker no longer delivers from this queue: it was deleted or moved to another node.
        case consumerCancelled(queue: String)
        /// The next message of this queue is longer than any that is taken.
        case messageTooLong(queue: String)
        /// Nothing was heard from the broker for two heartbeat intervals.
        case heartbeatTimeout
        /// An answer did not come in time.
        case timedOut
        /// The broker sent what the protocol does not allow at this point.
        case protocolViolation
        /// ``AMQPConsumer/close()`` or ``AMQPPublisher/close()`` was called.
        case closed
        /// The waiting task was cancelled. The connection is still good and nothing is lost.
        case cancelled
        /// Another task waits for the same thing already.
        case alreadyWaiting
        /// The process is out of threads or file descriptors.
        case noResources
    }

    /// What may help.
    public enum Recovery: Sendable, Equatable {
        /// Connecting again, after a pause that grows.
        case retry
        /// Somebody has to change a setting, here or on the broker. Try again all the same, slowly and loudly.
        case fix
    }

    public let kind: Kind
    /// What happened, for a log line; broker texts are included.
    public let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The AMQP reply code, when it was the broker that closed something.
    public var brokerCode: UInt16? {
        switch kind {
        case .closedByBroker(let code), .channelClosed(let code): code
        default: nil
        }
    }

    /// What may help: a new connection, or somebody who changes a setting.
    public var recovery: Recovery {
        switch kind {
        case .wrongURL, .wrongQueueName, .certificateRefused, .authenticationRefused, .messageTooLong: .fix
        case .closedByBroker(let code), .channelClosed(let code):
            [403, 404, 405, 406, 530].contains(code) ? .fix : .retry
        default: .retry
        }
    }

    public var description: String { message }
}
