/// What is asked on the only channel of a publisher or an inspector, before anything is published. Blocks, for at most
/// `limit` an answer.
extension BrokerLink {
    mutating func openChannel(within limit: Duration) throws(AMQPError) {
        outgoing.add { $0.putOpenChannel(FrameWriter.channel) }
        try expect("opening a channel", limit) { if case .channelOpenOK = $0 { () } else { nil } }
    }

    /// Looks for the queue and creates it only when it is missing, because declaring over an existing one with other
    /// arguments is an error. One that this account may not look at is taken to be there: RabbitMQ 4.3 wants a right on the queue
    /// for that, which publishing needs not, and what is published into a missing one comes back.
    mutating func ensure(_ queue: QueueDeclaration, within limit: Duration) throws(AMQPError) {
        do throws(AMQPError) {
            guard try look(at: queue.name, within: limit) == nil else { return }
        } catch {
            guard error.kind == .channelClosed(403) else { throw error }
            return try openChannel(within: limit)
        }
        try declare(queue.name, arguments: queue.arguments(for: server), within: limit)
    }

    /// Looks at a queue and changes nothing.
    /// - Returns: how many messages are ready and how many consumers there are; nil if there is no such queue.
    mutating func look(
        at queue: String, within limit: Duration
    ) throws(AMQPError) -> (messages: Int, consumers: Int)? {
        outgoing.add { $0.putDeclare(queue, passive: true) }
        do throws(AMQPError) {
            return try expect("looking at the queue \(queue)", limit) { frame in
                if case .declareOK(let messages, let consumers) = frame { (messages, consumers) } else { nil }
            }
        } catch {
            guard error.kind == .channelClosed(404) else { throw error }
            try openChannel(within: limit)
            return nil
        }
    }

    /// The arguments that a queue was declared with. AMQP has no question for that; but the broker refuses to declare a
    /// queue again with other arguments, and names the first one that differs (406). What a policy sets stays unseen.
    /// - Returns: nil if the account may not declare.
    mutating func arguments(of queue: String, within limit: Duration) throws(AMQPError) -> [QueueArgument]? {
        // Since RabbitMQ 4 a queue always has a type, and a declaration without one asks for the virtual host's.
        var found = server.major >= 4 ? [QueueArgument(name: "x-queue-type", value: .text("classic"))] : []
        for _ in 0..<16 {
            do throws(AMQPError) {
                try declare(queue, arguments: found, within: limit)
                return found
            } catch {
                guard case .channelClosed(let code) = error.kind else { throw error }
                try openChannel(within: limit)
                if code == 403 { return nil }
                guard let next = QueueArgument(complaint: error.message), !found.contains(next) else { return found }
                found.removeAll { $0.name == next.name }
                found.append(next)
            }
        }
        return found
    }

    private mutating func declare(
        _ queue: String, arguments: [QueueArgument], within limit: Duration
    ) throws(AMQPError) {
        outgoing.add { $0.putDeclare(queue, passive: false, arguments: arguments) }
        try expect("declaring the queue \(queue)", limit) { if case .declareOK = $0 { () } else { nil } }
    }

    mutating func selectConfirms(within limit: Duration) throws(AMQPError) {
        outgoing.add { $0.putSelectConfirms() }
        try expect("asking for confirms", limit) { if case .selectOK = $0 { () } else { nil } }
    }

    mutating func expect<Value>(
        _ action: String, _ limit: Duration, skipping skips: (IncomingFrame) -> Bool = { _ in false },
        _ read: (IncomingFrame) -> Value?
    ) throws(AMQPError) -> Value {
        try answer(to: action, on: FrameWriter.channel, until: .now + limit, skipping: skips) {
            (frame) throws(AMQPError) in
            read(frame)
        }
    }
}
