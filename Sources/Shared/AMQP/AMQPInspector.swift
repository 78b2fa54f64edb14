import EventLoop

/// Looks at queues, and changes nothing.
public actor AMQPInspector {
    /// A queue as the broker sees it.
    public struct QueueState: Sendable, Equatable {
        public let name: String
        /// Whether there is such a queue; if not, the other figures are 0.
        public let exists: Bool
        /// Messages that are ready to be delivered.
        public let messages: Int
        public let consumers: Int
        /// What it was declared with; of policies nothing is known.
        public let arguments: [QueueArgument]
    }

    private let thread: PollThread

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private init() throws(AMQPError) { thread = try PollThread.forConnection("amqp-inspector") }

    deinit { thread.stop() }

    /// Connects, looks, and ends the connection.
    /// - Returns: the address that answered, without credentials, and the queues in the order given.
    /// - Throws: ``AMQPError`` if no broker answers or the account may not look.
    public static func look(
        _ configuration: AMQPConfiguration, queues: [String]
    ) async throws(AMQPError) -> (address: String, queues: [QueueState]) {
        try await AMQPInspector().look(configuration, queues)
    }

    private func look(
        _ configuration: AMQPConfiguration, _ queues: [String]
    ) throws(AMQPError) -> (address: String, queues: [QueueState]) {
        var link = try BrokerLink.open(configuration)
        var states: [QueueState] = []
        for name in queues {
            let found = try link.look(at: name)
            states.append(
                QueueState(
                    name: name, exists: found != nil, messages: found?.messages ?? 0, consumers: found?.consumers ?? 0,
                    arguments: found == nil ? [] : try link.arguments(of: name)))
        }
        let address = link.address
        link.close(within: configuration.closeTimeout)
        return (address, states)
    }
}
