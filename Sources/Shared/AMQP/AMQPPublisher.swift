import EventLoop
public import Logging

/// A connection that publishes messages and learns what became of them.
///
/// Publishing never waits: the bytes are queued and leave as the socket takes them. How much to have on the way is the
/// caller's business; see ``unconfirmedCount`` and ``unsentBytes``.
///
/// After an error the connection is gone for good: every call throws that error, and the fate of every message that was
/// not settled is unknown, so it has to be published again.
public actor AMQPPublisher {
    private nonisolated let executor: ConnectionExecutor
    private let configuration: AMQPConfiguration
    private let queue: QueueDeclaration
    private let logger: Logger
    private var link: BrokerLink?
    private var failure: AMQPError?
    private var confirms = PendingConfirms()
    private var waiter = Waiter<[Outcome]>()
    /// The basic.return whose header is to come.
    private var pendingReturn: (code: UInt16, text: String)?
    private let blockedSink: AsyncStream<String?>.Continuation

    /// Each time the broker blocks this connection, its reason ("low on memory"); nil when it unblocks it. For one
    /// reader, who gets the newest state; ends with the connection.
    public nonisolated let blockedChanges: AsyncStream<String?>
    /// Why the broker accepts no messages at the moment; nil when it does.
    public private(set) var blockedReason: String?

    /// Whether the broker accepts no messages at the moment.
    public var isBlocked: Bool { blockedReason != nil }
    /// How many bytes the socket has not taken yet.
    public var unsentBytes: Int { link?.outgoing.unsent ?? 0 }
    /// How many published messages are unsettled.
    public var unconfirmedCount: Int { confirms.count }

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// See ``ConnectionExecutor/taskExecutor``.
    public nonisolated var taskExecutor: any TaskExecutor { executor.taskExecutor }

    private init(
        _ configuration: AMQPConfiguration, queue: QueueDeclaration, logger: Logger
    ) throws(AMQPError) {
        executor = try ConnectionExecutor.forBroker("amqp-publisher")
        self.configuration = configuration
        self.queue = queue
        self.logger = logger
        (blockedChanges, blockedSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    deinit {
        blockedSink.finish()
        executor.end()
    }

    /// Connects, creates the queue if it is missing, and asks the broker for confirms.
    /// - Throws: ``AMQPError``; its ``AMQPError/recovery`` says whether trying again may help. Of kind `cancelled` at once
    ///   when the task is cancelled.
    public static func connect(
        _ configuration: AMQPConfiguration, queue: QueueDeclaration, logger: Logger
    ) async throws(AMQPError) -> AMQPPublisher {
        let publisher = try AMQPPublisher(configuration, queue: queue, logger: logger)
        let address = try await abandonable { () throws(AMQPError) in try await publisher.open() }
        logger.info("publishing to the broker", metadata: ["amqp.endpoint": "\(address)"])
        return publisher
    }

    private func open() throws(AMQPError) -> String {
        try queue.validate()
        let limit = configuration.replyTimeout
        var link = try BrokerLink.open(configuration)
        try link.openChannel(within: limit)
        try link.ensure(queue, within: limit)
        try link.selectConfirms(within: limit)
        let address = link.address
        self.link = consume link
        executor.onReady { [weak self] in self?.assumeIsolated { $0.turn() } }
        executor.moveIn()
        turn()
        return address
    }

    // MARK: publishing

    /// Queues the messages for sending. Never waits.
    /// - Precondition: the batch is not empty.
    /// - Returns: their delivery tags, in the order of the batch.
    /// - Throws: ``AMQPError`` when the connection is gone. Nothing was published then.
    public func publish(_ batch: consuming PublishBatch) throws(AMQPError) -> ClosedRange<UInt64> {
        precondition(!batch.isEmpty, "there is nothing to publish")
        if let failure { throw failure }
        let tags = confirms.publish(batch.ids)
        link?.outgoing.add(batch.takeFrames())
        turn(reads: false)
        return tags
    }

    /// Waits until at least one message is settled.
    /// - Returns: everything that was settled since the last call, in the order in which the broker told.
    /// - Throws: ``AMQPError`` when the connection is or gets lost. When the task is cancelled, of kind `cancelled`: the
    ///   outcomes stay for the next call.
    public func nextOutcomes() async throws(AMQPError) -> [Outcome] {
        if confirms.hasOutcomes { return confirms.takeOutcomes() }
        let id = waiter.newID()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard waiter.wait(id, continuation) else { return }
                answer()
                if Task.isCancelled { waiter.cancel(id) }
            }
        } onCancel: {
            Task { await self.cancelWait(id) }
        }
        return try result.get()
    }

    private func cancelWait(_ id: Int) { waiter.cancel(id) }

    /// Looks for the queue and creates it if it is missing, on a connection of its own: a queue that is missing closes
    /// the channel that asked for it, and with it the confirms that are on their way.
    public func ensureQueue() async throws(AMQPError) {
        if let failure { throw failure }
        let other = try await AMQPPublisher.connect(configuration, queue: queue, logger: logger)
        await other.close()
    }

    /// Ends the connection in good order, within `closeTimeout`. It does not wait for confirms; what is unsettled
    /// counts as unknown.
    public func close() async {
        guard failure == nil else { return }
        var link = link.take()
        fail(.closed)
        guard await executor.movedOut() else { return }
        link?.close([FrameWriter.channel], within: configuration.closeTimeout)
    }

    // MARK: one turn of the connection

    /// Reads what has come, writes what can be written, hands out outcomes, and says what to wait for.
    /// - Parameter reads: not where something may have come, but nothing says so.
    private func turn(reads: Bool = true) {
        guard failure == nil else { return }
        let now = ContinuousClock.now
        do throws(AMQPError) {
            if reads { try read(at: now) }
            try link?.keepAlive(at: now)
            try link?.flush(at: now)
        } catch {
            return fail(error)
        }
        answer()
        if let interest = link?.interest(reading: true, deadline: nil, now: now) { executor.wait(for: interest) }
    }

    private func read(at now: ContinuousClock.Instant) throws(AMQPError) {
        link?.beginTurn(at: now)
        do {
            while let (_, frame) = try link?.nextFrame() { try take(frame) }
        } catch let error as AMQPError {
            throw error
        } catch {
            throw .violation("a settlement of a message that is not open")
        }
    }

    private func take(_ frame: IncomingFrame) throws {
        switch frame {
        case .ack(let tag, let multiple): try confirms.settle(tag, multiple: multiple, refused: false)
        case .nack(let tag, let multiple): try confirms.settle(tag, multiple: multiple, refused: true)
        case .returned(let code, let text): pendingReturn = (code, text)
        case .header(let header):
            guard let reason = pendingReturn.take(), let id = header.numericMessageID else {
                throw PendingConfirms.Violation()
            }
            try confirms.noteReturn(id: id, code: reason.code, text: reason.text)
        case .body: break  // of a message that came back
        case .blocked(let reason): setBlocked(reason)
        case .unblocked: setBlocked(nil)
        case .channelClose(let code, let text):
            throw AMQPError(.channelClosed(code), "the broker closed the channel: \(code) \(text)")
        default: throw AMQPError.violation("an answer that does not belong there")
        }
    }

    private func setBlocked(_ reason: String?) {
        blockedReason = reason
        blockedSink.yield(reason)
        if let reason {
            logger.warning("the broker accepts no messages", metadata: ["amqp.reason": "\(reason)"])
        } else {
            logger.info("the broker accepts messages again")
        }
    }

    private func fail(_ error: AMQPError) {
        failure = error
        executor.wait(for: PollThread.Interest())
        link?.sayGoodbye(after: error)
        link = nil
        blockedSink.finish()
        answer()
    }

    /// What was settled before the connection ended comes first; the next call throws.
    private func answer() {
        guard waiter.isWaiting else { return }
        if confirms.hasOutcomes {
            waiter.resume(.success(confirms.takeOutcomes()))
        } else if let failure {
            waiter.resume(.failure(failure))
        }
    }
}
