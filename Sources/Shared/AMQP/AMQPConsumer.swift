import EventLoop
public import Logging

/// A connection that receives messages and acknowledges them.
///
/// Messages that arrive while nobody asks for a batch make up the next one, which is how batches grow under load. At the
/// limits of a batch the socket is no longer read, and the broker waits.
///
/// Each queue has a channel of its own: one that can't be consumed stops nothing but itself, is tried again with growing
/// pauses, and is told of (``QueueChange``). When none is left, that is an error of the connection.
///
/// After an error the connection is gone for good: every call throws that error, and what was not acknowledged is
/// delivered again to somebody else.
public actor AMQPConsumer {
    private struct Limits {
        var count = 1000
        var bytes = 4 << 20
        var delay = Duration.zero
        var awaitsAcknowledgement = false
    }

    /// How long messages may wait in the socket while no batch is due: read as they come, in many small pieces, each would wake
    /// the thread.
    private static let lookInterval = Duration.milliseconds(5)

    /// What parts of messages may take beside the longest body that is taken, in bytes.
    private static let unfinishedReserve = 32 << 20

    private nonisolated let executor: ConnectionExecutor
    private let configuration: AMQPConfiguration
    private let onQueueChange: @Sendable (QueueChange) -> Void
    private var channels: [QueueChannel] = []
    private var link: BrokerLink?
    private var failure: AMQPError?
    private var assembler: DeliveryAssembler
    private var ledger: DeliveryLedger
    private var limits = Limits()
    private var waiter = Waiter<DeliveryBatch?>()
    /// When the oldest message that waits here arrived.
    private var firstArrival: ContinuousClock.Instant?
    /// The last deliveries that were handed out, and acknowledged.
    private var handedOut: UInt64 = 0
    private var acknowledged: UInt64 = 0
    /// Whether the queues that could be opened are consumed.
    private var hasStarted = false
    private var isStopping = false

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// See ``ConnectionExecutor/taskExecutor``.
    public nonisolated var taskExecutor: any TaskExecutor { executor.taskExecutor }

    private init(
        _ configuration: AMQPConfiguration, queues: Int, onQueueChange: @escaping @Sendable (QueueChange) -> Void
    ) throws(AMQPError) {
        executor = try ConnectionExecutor.forBroker("amqp-consumer")
        self.configuration = configuration
        self.onQueueChange = onQueueChange
        assembler = DeliveryAssembler(queues: queues)
        ledger = DeliveryLedger(channels: queues)
    }

    deinit { executor.end() }

    /// Connects, creates the queues that are missing, and starts deliveries from them.
    /// - Parameters:
    ///   - queues: their order gives ``Delivery/queue`` its meaning.
    ///   - prefetch: how many deliveries of each queue may be unacknowledged; 0 means any number. Fewer where bodies are large: see
    ///     ``AMQPConfiguration/prefetchBytes``.
    ///   - first: how many before anything was acknowledged: a lost connection returns what it held, and some queues drop what
    ///     comes back too often. It rises with what is acknowledged. Nil is as many as ever.
    ///   - onQueueChange: called on the connection's thread, in which it must not block.
    /// - Throws: ``AMQPError`` of kind `cancelled` at once when the task is cancelled; if there is no connection, or none of the
    ///   queues can be consumed; its ``AMQPError/recovery`` says whether trying again may help.
    public static func connect(
        _ configuration: AMQPConfiguration, queues: [QueueDeclaration], prefetch: UInt16, first: UInt16? = nil,
        logger: Logger,
        onQueueChange: @escaping @Sendable (QueueChange) -> Void = { _ in }
    ) async throws(AMQPError) -> AMQPConsumer {
        for queue in queues { try queue.validate() }
        let consumer = try AMQPConsumer(configuration, queues: queues.count, onQueueChange: onQueueChange)
        let address = try await abandonable { () throws(AMQPError) in
            try await consumer.open(queues, first: first ?? prefetch, prefetch: prefetch)
        }
        logger.info("receiving from the broker", metadata: ["amqp.endpoint": "\(address)"])
        return consumer
    }

    private func open(_ queues: [QueueDeclaration], first: UInt16, prefetch: UInt16) throws(AMQPError) -> String {
        let link = try BrokerLink.open(configuration, channels: queues.count)
        let address = link.address
        let server = link.server
        self.link = consume link
        channels = queues.enumerated().map { index, queue in
            QueueChannel(
                index: index, queue: queue, arguments: queue.arguments(for: server),
                window: PrefetchWindow(
                    first: Int(first), messages: Int(prefetch), bytes: configuration.prefetchBytes),
                answerTime: configuration.replyTimeout)
        }
        do throws(AMQPError) { try settle() } catch {
            fail(error)
            throw error
        }
        hasStarted = true
        each { channel, out in channel.consume(&out, at: .now) }
        executor.onReady { [weak self] in self?.assumeIsolated { $0.turn() } }
        executor.moveIn()
        turn()
        return address
    }

    /// Asks for all queues at once, and waits until each is there or has failed; blocks the thread. What is consumed begins
    /// after that, in one write: an answer would stand behind the deliveries of other queues.
    private func settle() throws(AMQPError) {
        each { channel, out in channel.open(&out, at: .now) }
        while let due = channels.lazy.filter({ !$0.isSettled }).compactMap(\.deadline).min() {
            if let (channel, frame) = try link?.awaitFrame(until: due) {
                try take(frame, on: channel, at: .now)
            } else {
                try tick(at: .now)
            }
        }
    }

    private func each(_ body: (inout QueueChannel, inout SendQueue) -> Void) {
        for index in channels.indices where link != nil { body(&channels[index], &link!.outgoing) }
    }

    // MARK: batches

    /// Waits for the first message, then at most `delay` from its arrival for others.
    /// - Parameters:
    ///   - limit: how many messages close the batch.
    ///   - maximumBytes: how many bytes of bodies close the batch; the last message may go beyond.
    ///   - awaitsAcknowledgement: whether a batch below its limits waits until all that was handed out before is acknowledged:
    ///     what arrives meanwhile joins it.
    /// - Returns: nil after ``stopConsuming()`` when everything that was delivered has been handed out.
    /// - Throws: ``AMQPError`` when the connection is or gets lost. When the task is cancelled, of kind `cancelled`: the
    ///   messages stay for the next call.
    public func nextBatch(
        limit: Int, maximumBytes: Int = 4 << 20, delay: Duration, awaitsAcknowledgement: Bool = false
    ) async throws(AMQPError) -> DeliveryBatch? {
        precondition(limit > 0 && maximumBytes > 0, "a batch has room for at least one message")
        let id = waiter.newID()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard waiter.wait(id, continuation) else { return }
                guard !Task.isCancelled else { return waiter.cancel(id) }
                limits = Limits(
                    count: limit, bytes: maximumBytes, delay: delay, awaitsAcknowledgement: awaitsAcknowledgement)
                turn()  // there may be room now for what waits in the socket
                if let failure { waiter.resume(.failure(failure)) }
            }
        } onCancel: {
            Task { await self.cancelWait(id) }
        }
        return try result.get()
    }

    private func cancelWait(_ id: Int) { waiter.cancel(id) }

    /// Acknowledges every delivery up to this one. Never waits, and does nothing on a connection that is gone: the
    /// messages are delivered again then.
    public func acknowledge(through tag: UInt64) {
        for (channel, tag, count) in ledger.acknowledge(through: tag) where link != nil {
            channels[channel].acknowledge(through: tag, count, &link!.outgoing)
        }
        acknowledged = tag
        turn()
    }

    /// Ends deliveries from all queues. What has arrived still comes out of ``nextBatch(limit:maximumBytes:delay:awaitsAcknowledgement:)``,
    /// and can be acknowledged.
    public func stopConsuming() {
        guard !isStopping else { return }
        isStopping = true
        each { channel, out in channel.cancel(&out, at: .now) }
        turn()
    }

    /// Sends the acknowledgements that still wait, gives back the rest, and ends the connection in good order, within
    /// `closeTimeout`.
    public func close() async {
        guard failure == nil else { return }
        each { channel, out in channel.giveBack(&out) }
        let open = channels.filter(\.isOpen).map(\.channel)
        var link = link.take()
        fail(.closed)
        guard await executor.movedOut() else { return }
        link?.close(open, within: configuration.closeTimeout)
    }

    // MARK: one turn of the connection

    /// Reads what has come, writes what can be written, hands out a batch that is due, and says what to wait for.
    private func turn() {
        guard failure == nil else { return }
        let now = ContinuousClock.now
        do throws(AMQPError) {
            try read(at: now)
            try tick(at: now)
            try link?.keepAlive(at: now)
            try link?.flush(at: now)
        } catch {
            return fail(error)
        }
        handOut(at: now)
        let isUrgent = waiter.isWaiting && isFree
        let due = isUrgent ? firstArrival.map { $0 + limits.delay } : hasRoom ? now + Self.lookInterval : nil
        let deadline = [due, channels.lazy.compactMap(\.deadline).min()].compactMap(\.self).min()
        let interest = link?.interest(reading: hasRoom, isUrgent: isUrgent, deadline: deadline, now: now)
        if let interest { executor.wait(for: interest) }
    }

    /// Whether a batch below its limits may be handed out.
    private var isFree: Bool { !limits.awaitsAcknowledgement || acknowledged >= handedOut }

    /// An incomplete message does not count: it has to be read to its end, however long it is.
    private var hasRoom: Bool { assembler.count < limits.count && assembler.byteCount < limits.bytes }

    /// How many messages wait for the next batch.
    var bufferedCount: Int { assembler.count }

    private func read(at now: ContinuousClock.Instant) throws(AMQPError) {
        link?.beginTurn(at: now)
        while hasRoom, let (channel, frame) = try link?.nextFrame() { try take(frame, on: channel, at: now) }
        if firstArrival == nil && assembler.count > 0 { firstArrival = now }
    }

    private func take(
        _ frame: IncomingFrame, on channel: UInt16, at now: ContinuousClock.Instant
    ) throws(AMQPError) {
        guard channel > 0 else {
            switch frame {
            case .blocked, .unblocked: return  // this program publishes nothing here
            default: throw .violation("an answer that does not belong there")
            }
        }
        let index = Int(channel) - 1
        switch try channels[index].take(frame, &link!.outgoing, at: now) {
        case .nothing:
            if hasStarted { channels[index].consume(&link!.outgoing, at: now) }
        case .flows: tell(index, nil)
        case .failed(let error): try failed(index, error)
        case .content: try takeContent(frame, of: index)
        }
    }

    private func takeContent(_ frame: IncomingFrame, of queue: Int) throws(AMQPError) {
        switch frame {
        case .deliver(let tag, let redelivered): assembler.begin(tag: tag, queue: queue, redelivered: redelivered)
        case .header(let header):
            guard header.size <= UInt64(configuration.maximumBodyBytes) else {
                return try refuse(header.size, of: queue)
            }
            channels[queue].delivered(bytes: Int(header.size))
            let tag = assembler.header(size: Int(header.size), headers: header.headers, queue: queue)
            try complete(tag, queue, UnsafeRawBufferPointer(start: nil, count: 0))
        case .body(let bytes):
            try complete(assembler.body(bytes, queue: queue), queue, bytes)
            guard assembler.unfinishedBytes <= configuration.maximumBodyBytes + Self.unfinishedReserve else {
                throw .violation("parts of messages on many channels, and the end of none")
            }
        default: break
        }
    }

    private func complete(_ tag: UInt64?, _ queue: Int, _ last: UnsafeRawBufferPointer) throws(AMQPError) {
        guard let tag else { return }
        do throws(DeliveryLedger.Violation) {
            assembler.complete(queue, number: try ledger.deliver(tag, on: queue), last: last)
        } catch {
            throw .violation("a delivery tag that does not follow the one before it")
        }
    }

    // MARK: queues

    /// The message stays where it is, and with it the queue. Nobody can take it, and to say so is better than to lose it.
    private func refuse(_ size: UInt64, of queue: Int) throws(AMQPError) {
        let text =
            "a message of \(size) bytes is next in the queue \(channels[queue].queue.name), but at most "
            + "\(configuration.maximumBodyBytes) are taken"
        let error = AMQPError(.messageTooLong(queue: channels[queue].queue.name), text)
        if case .failed = channels[queue].fail(error, &link!.outgoing) { try failed(queue, error) }
    }

    private func failed(_ queue: Int, _ error: AMQPError) throws(AMQPError) {
        assembler.abandon(queue)
        ledger.reopened(queue)
        tell(queue, error)
        if !isStopping && channels.allSatisfy({ $0.failure != nil }) { throw error }
    }

    private func tell(_ queue: Int, _ error: AMQPError?) {
        onQueueChange(QueueChange(queue: queue, name: channels[queue].queue.name, failure: error))
    }

    private func tick(at now: ContinuousClock.Instant) throws(AMQPError) {
        for index in channels.indices where link != nil {
            if case .failed(let error) = channels[index].tick(&link!.outgoing, at: now) { try failed(index, error) }
        }
    }

    private func handOut(at now: ContinuousClock.Instant) {
        guard waiter.isWaiting else { return }
        let isDrained = isStopping && channels.allSatisfy(\.isDrained)
        if let firstArrival {
            guard !hasRoom || isDrained || (isFree && now >= firstArrival + limits.delay) else { return }
            var batch = assembler.take(atMost: limits.count, bytes: limits.bytes)
            handedOut = batch.deliveries.last?.tag ?? handedOut
            batch.firstArrival = firstArrival
            self.firstArrival = assembler.count > 0 ? now : nil
            waiter.resume(.success(batch))
        } else if isDrained {
            waiter.resume(.success(nil))
        }
    }

    private func fail(_ error: AMQPError) {
        failure = error
        executor.wait(for: PollThread.Interest())
        link?.sayGoodbye(after: error)
        link = nil
        waiter.resume(.failure(error))
    }
}

/// A queue of a consumer that flows from now on, or does not.
public struct QueueChange: Sendable {
    /// Its index in the list that the consumer was connected with.
    public let queue: Int
    public let name: String
    /// Why nothing comes from it; nil when messages flow.
    public let failure: AMQPError?
}
