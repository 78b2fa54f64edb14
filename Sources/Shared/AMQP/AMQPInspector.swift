import EventLoop

/// Looks at queues, and changes nothing.
public actor AMQPInspector {
    /// A queue as the broker sees it.
    public struct QueueState: Sendable, Equatable {
        public let name: String
        /// Whether there is such a queue; if not, the other figures are 0.
        public let exists: Bool
        /// This account may not look at it, and needs not for what it is looked at for: whether it exists is not known.
        public let isHidden: Bool
        /// Messages that are ready to be delivered.
        public let messages: Int
        public let consumers: Int
        /// What it was declared with; of policies nothing is known.
        public let arguments: [QueueArgument]
        /// After how many returns it drops a message, policies left aside.
        public var deliveryLimit: DeliveryLimit { deliveryLimit(under: nil) }
        /// Why what the queue is looked at for would not work now; nil if it would.
        public let refusal: AMQPError?
        /// The first number of the broker's version.
        let server: Int
        /// Whether this account may see its arguments.
        let isSeen: Bool

        /// After how many returns it drops a message.
        /// - Parameter policy: the one that applies to it, which AMQP does not tell.
        public func deliveryLimit(under policy: DeliveryLimit.Policy?) -> DeliveryLimit {
            DeliveryLimit(server: server, arguments: isSeen ? arguments : nil, policy: policy)
        }
    }

    /// What a queue is looked at for.
    public enum Purpose: Sendable {
        /// To know of it, and no more: nothing is tried.
        case looking
        case consuming
        case publishing
    }

    private let executor: ConnectionExecutor

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private init() throws(AMQPError) { executor = try ConnectionExecutor.forBroker("amqp-inspector") }

    deinit { executor.end() }

    /// Connects, looks, tries what the purpose needs as far as that leaves no trace, and ends the connection.
    /// - Returns: the address that answered, without credentials, and the queues in the order given.
    /// - Throws: ``AMQPError`` if no broker answers. What goes wrong with one queue is in its ``QueueState/refusal``.
    public static func look(
        _ configuration: AMQPConfiguration, queues: [QueueDeclaration], for purpose: Purpose
    ) async throws(AMQPError) -> (address: String, queues: [QueueState]) {
        let inspector = try AMQPInspector()
        return try await abandonable { () throws(AMQPError) in
            try await inspector.look(configuration, queues, purpose)
        }
    }

    private func look(
        _ configuration: AMQPConfiguration, _ queues: [QueueDeclaration], _ purpose: Purpose
    ) throws(AMQPError) -> (address: String, queues: [QueueState]) {
        let limit = configuration.replyTimeout
        var link = try BrokerLink.open(configuration)
        try link.openChannel(within: limit)
        var states: [QueueState] = []
        for queue in queues { states.append(try link.state(of: queue, for: purpose, within: limit)) }
        let address = link.address
        link.close([FrameWriter.channel], within: configuration.closeTimeout)
        return (address, states)
    }
}

extension BrokerLink {
    fileprivate mutating func state(
        of queue: QueueDeclaration, for purpose: AMQPInspector.Purpose, within limit: Duration
    ) throws(AMQPError) -> AMQPInspector.QueueState {
        var found: (messages: Int, consumers: Int)?
        var arguments: [QueueArgument]? = []
        var isHidden = false
        let refusal = try attempt(within: limit) { (link) throws(AMQPError) in
            do throws(AMQPError) {
                found = try link.look(at: queue.name, within: limit)
            } catch {
                isHidden = purpose == .publishing && error.kind == .channelClosed(403)
                guard isHidden else { throw error }
                return try link.openChannel(within: limit)
            }
            if found != nil { arguments = try link.arguments(of: queue.name, within: limit) }
            guard let found else {
                return purpose == .looking ? () : try link.tryCreating(queue, within: limit)
            }
            if purpose == .consuming { try link.tryConsuming(queue.name, found, within: limit) }
        }
        let writing =
            purpose == .publishing
            ? try attempt(within: limit) { (link) throws(AMQPError) in
                try link.tryPublishing(within: limit)
            } : nil
        return AMQPInspector.QueueState(
            name: queue.name, exists: found != nil, isHidden: isHidden, messages: found?.messages ?? 0,
            consumers: found?.consumers ?? 0, arguments: arguments ?? [], refusal: refusal ?? writing,
            server: server.major, isSeen: arguments != nil)
    }

    /// - Returns: what closed the channel, which is open again.
    private mutating func attempt(
        within limit: Duration, _ body: (inout BrokerLink) throws(AMQPError) -> Void
    ) throws(AMQPError) -> AMQPError? {
        do throws(AMQPError) { try body(&self) } catch {
            guard case .channelClosed = error.kind else { throw error }
            try openChannel(within: limit)
            return error
        }
        return nil
    }

    /// Whether a missing queue could be created. The broker asks for the right before it looks at the arguments, and refuses
    /// a length in words.
    private mutating func tryCreating(_ queue: QueueDeclaration, within limit: Duration) throws(AMQPError) {
        let nonsense = QueueArgument(name: "x-max-length", value: .text("none"))
        outgoing.add { $0.putDeclare(queue.name, passive: false, arguments: [nonsense]) }
        try expectRefusal("declaring the queue \(queue.name)", limit)
    }

    /// Whether the queue could be consumed. Where messages wait and nobody consumes them, nothing is taken: the right to read
    /// is asked for by a priority in words. Else a consumer that comes after all others is started and ended.
    private mutating func tryConsuming(
        _ queue: String, _ found: (messages: Int, consumers: Int), within limit: Duration
    ) throws(AMQPError) {
        let action = "consuming from the queue \(queue)"
        let takesNothing = found.messages > 0 && found.consumers == 0
        let priority = QueueArgument(name: "x-priority", value: takesNothing ? .text("none") : .number(-1000))
        outgoing.add { $0.putConsume(queue, consumer: "check", arguments: [priority], channel: FrameWriter.channel) }
        if takesNothing { return try expectRefusal(action, limit) }
        func skips(_ frame: IncomingFrame) -> Bool {
            switch frame {
            case .deliver, .header, .body: true
            default: false
            }
        }
        try expect(action, limit, skipping: skips) { if case .consumeOK = $0 { () } else { nil } }
        outgoing.add { $0.putCancel(consumer: "check", channel: FrameWriter.channel) }
        try expect(action, limit, skipping: skips) { if case .cancelOK = $0 { () } else { nil } }
        outgoing.add { $0.putRecover(FrameWriter.channel) }  // what came all the same
        try expect(action, limit, skipping: skips) { if case .recoverOK = $0 { () } else { nil } }
    }

    /// Whether messages may be published by way of the default exchange: one for a queue that nobody has comes back.
    private mutating func tryPublishing(within limit: Duration) throws(AMQPError) {
        let nobody = "candlepost.check.\(UInt64.random(in: 0...(.max)))"
        outgoing.add { writer in
            writer.putPublish(queue: nobody)
            writer.putEmptyHeader()
        }
        try expect("publishing", limit) { if case .returned = $0 { () } else { nil } }
        try expect("publishing", limit) { if case .header = $0 { () } else { nil } }
    }

    /// For what is wrong on purpose: a 406 says that nothing else is.
    private mutating func expectRefusal(_ action: String, _ limit: Duration) throws(AMQPError) {
        do throws(AMQPError) {
            try expect(action, limit) { _ in Void?.none }
        } catch {
            guard error.kind == .channelClosed(406) else { throw error }
            try openChannel(within: limit)
        }
    }
}
