import EventLoop
public import Logging

/// A connection that receives messages and acknowledges them.
///
/// Messages that arrive while nobody asks for a batch make up the next one, which is how batches grow under load. At the
/// limits of a batch the socket is no longer read, and the broker waits.
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

    private nonisolated let thread: PollThread
    private let configuration: AMQPConfiguration
    private let queues: [QueueDeclaration]
    private var link: BrokerLink?
    private var failure: AMQPError?
    private var assembler: DeliveryAssembler
    private var limits = Limits()
    private var waiter = Waiter<DeliveryBatch?>()
    /// When the oldest message that waits here arrived.
    private var firstArrival: ContinuousClock.Instant?
    /// The last deliveries that were handed out, and acknowledged.
    private var handedOut: UInt64 = 0
    private var acknowledged: UInt64 = 0
    private var isStopping = false
    private var activeConsumers = 0

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// The thread of this connection, for tasks whose work is nearly all with it: see `withTaskExecutorPreference`. They must
    /// end before the last reference to this object does, and must never block.
    public nonisolated var taskExecutor: any TaskExecutor { thread }

    private init(_ configuration: AMQPConfiguration, queues: [QueueDeclaration]) throws(AMQPError) {
        thread = try PollThread.forConnection("amqp-consumer")
        self.configuration = configuration
        self.queues = queues
        assembler = DeliveryAssembler(maximumBodyBytes: configuration.maximumBodyBytes)
    }

    deinit { thread.stop() }

    /// Connects, creates the queues that are missing, and starts deliveries from them.
    /// - Parameters:
    ///   - queues: their order gives ``Delivery/queue`` its meaning.
    ///   - prefetch: how many deliveries of each queue may be unacknowledged; 0 means any number.
    /// - Throws: ``AMQPError``; its ``AMQPError/recovery`` says whether trying again may help.
    public static func connect(
        _ configuration: AMQPConfiguration, queues: [QueueDeclaration], prefetch: UInt16, logger: Logger
    ) async throws(AMQPError) -> AMQPConsumer {
        let consumer = try AMQPConsumer(configuration, queues: queues)
        let address = try await consumer.open(prefetch: prefetch)
        logger.info("receiving from the broker", metadata: ["amqp.endpoint": "\(address)"])
        return consumer
    }

    private func open(prefetch: UInt16) throws(AMQPError) -> String {
        for queue in queues { try queue.validate() }
        let link = try BrokerLink.open(configuration)
        for queue in queues { try link.ensure(queue) }
        try link.setPrefetch(prefetch)
        for (index, queue) in queues.enumerated() { try link.consume(queue.name, index: index) }
        activeConsumers = queues.count
        let address = link.address
        self.link = consume link
        thread.onReady { [weak self] in self?.assumeIsolated { $0.turn() } }
        turn()
        return address
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
        link?.outgoing.add { $0.putAcknowledge(through: tag) }
        acknowledged = tag
        turn()
    }

    /// Ends deliveries from all queues. What has arrived still comes out of ``nextBatch(limit:maximumBytes:delay:awaitsAcknowledgement:)``,
    /// and can be acknowledged.
    public func stopConsuming() {
        guard !isStopping else { return }
        isStopping = true
        for index in queues.indices { link?.outgoing.add { $0.putCancel(consumer: String(index)) } }
        turn()
    }

    /// Sends the acknowledgements that still wait and ends the connection in good order, within `closeTimeout`.
    public func close() {
        guard failure == nil else { return }
        link?.close(within: configuration.closeTimeout)
        fail(.closed)
    }

    // MARK: one turn of the connection

    /// Reads what has come, writes what can be written, hands out a batch that is due, and says what to wait for.
    private func turn() {
        guard failure == nil else { return }
        let now = ContinuousClock.now
        do throws(AMQPError) {
            try read(at: now)
            try link?.keepAlive(at: now)
            try link?.flush(at: now)
        } catch {
            return fail(error)
        }
        handOut(at: now)
        let isUrgent = waiter.isWaiting && isFree
        let deadline = isUrgent ? firstArrival.map { $0 + limits.delay } : hasRoom ? now + Self.lookInterval : nil
        let interest = link?.interest(reading: hasRoom, isUrgent: isUrgent, deadline: deadline, now: now)
        if let interest { thread.wait(for: interest) }
    }

    /// Whether a batch below its limits may be handed out.
    private var isFree: Bool { !limits.awaitsAcknowledgement || acknowledged >= handedOut }

    /// An incomplete message does not count: it has to be read to its end, however long it is.
    private var hasRoom: Bool { assembler.count < limits.count && assembler.byteCount < limits.bytes }

    /// How many messages wait for the next batch.
    var bufferedCount: Int { assembler.count }

    private func read(at now: ContinuousClock.Instant) throws(AMQPError) {
        guard hasRoom else { return }
        link?.notice(at: now)
        do {
            while hasRoom, let frame = try link?.nextFrame() { try take(frame) }
        } catch let error as AMQPError {
            throw error
        } catch {
            throw AMQPError(.protocolViolation, "the broker's frames came in an impossible order")
        }
        if firstArrival == nil && assembler.count > 0 { firstArrival = now }
    }

    private func take(_ frame: IncomingFrame) throws {
        switch frame {
        case .deliver(let tag, let queue, let redelivered):
            guard queues.indices.contains(queue) else { throw DeliveryAssembler.Violation() }
            try assembler.begin(tag: tag, queue: queue, redelivered: redelivered)
        case .header(let header): try assembler.header(size: header.size, headers: header.headers)
        case .body(let bytes): try assembler.body(bytes)
        case .cancelOK: activeConsumers -= 1
        case .cancelled(let consumer):
            let queue = queues.indices.contains(consumer) ? queues[consumer].name : "?"
            throw AMQPError(.consumerCancelled(queue: queue), "the broker no longer delivers from the queue \(queue)")
        default: break
        }
    }

    private func handOut(at now: ContinuousClock.Instant) {
        guard waiter.isWaiting else { return }
        let isDrained = isStopping && activeConsumers == 0
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
        thread.wait(for: PollThread.Interest())
        link?.sayGoodbye(after: error)
        link = nil
        waiter.resume(.failure(error))
    }
}
