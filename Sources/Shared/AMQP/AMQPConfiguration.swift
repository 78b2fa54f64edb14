/// How to connect to the broker.
public struct AMQPConfiguration: Sendable {
    /// The brokers, tried in turn until one answers.
    public var endpoints: [AMQPEndpoint]
    /// Asked before each connection for endpoints that may have changed, so that a new password needs no restart. Where it has
    /// none, ``endpoints`` stand.
    public var reread: (@Sendable () -> [AMQPEndpoint]?)?
    /// The name of the connection in the broker's management pages.
    public var connectionName: String
    /// The heartbeat interval to ask for, in whole seconds from 1 on; the broker may choose a shorter one. A peer that
    /// is silent for two intervals is given up.
    public var heartbeat: Duration
    /// The longest time for connecting to one endpoint, including TLS and login.
    public var connectTimeout: Duration
    /// The longest time for one answer of the broker while a connection is set up.
    public var replyTimeout: Duration
    /// The longest time for ending a connection in good order.
    public var closeTimeout: Duration
    /// The longest time that a broker reached by TLS may take nothing of what is sent. Without TLS nothing waits for it,
    /// and heartbeats are the limit.
    public var writeTimeout: Duration
    /// Where the body of an incoming message is cut off, in bytes; see ``Delivery/isTruncated``.
    public var maximumBodyBytes: Int

    public init(
        endpoints: [AMQPEndpoint], connectionName: String, heartbeat: Duration = .seconds(10),
        connectTimeout: Duration = .seconds(5), replyTimeout: Duration = .seconds(10),
        closeTimeout: Duration = .seconds(3), writeTimeout: Duration = .seconds(20),
        maximumBodyBytes: Int = 16 << 20
    ) {
        self.endpoints = endpoints
        self.connectionName = connectionName
        self.heartbeat = heartbeat
        self.connectTimeout = connectTimeout
        self.replyTimeout = replyTimeout
        self.closeTimeout = closeTimeout
        self.writeTimeout = writeTimeout
        self.maximumBodyBytes = maximumBodyBytes
    }
}

/// A queue that has to exist.
///
/// An existing queue is taken as it is, whatever its type and arguments. A missing one is created, durable.
public struct QueueDeclaration: Sendable, Equatable {
    /// The kind of queue to create when it is missing.
    public enum QueueType: String, Sendable, CaseIterable {
        /// Whatever the virtual host's default is; classic on a broker that has no such setting.
        case classic
        /// Replicated, and the safe kind.
        case quorum
    }

    /// 1 to 255 bytes.
    public var name: String
    /// Used only when the queue has to be created.
    public var type: QueueType

    public init(name: String, type: QueueType = .quorum) {
        self.name = name
        self.type = type
    }

    func validate() throws(AMQPError) {
        guard (1...255).contains(name.utf8.count) else {
            throw AMQPError(.wrongQueueName, "a queue name must have 1 to 255 bytes, not \(name.utf8.count)")
        }
    }
}
