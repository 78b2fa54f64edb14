/// The channel of one input queue: what to ask the broker, and what to make of its answers. Does no I/O and reads no clock.
///
///     open ─► look for the queue ─► (create it) ─► limit the prefetch ─► consume
///
/// Whatever goes wrong closes this channel alone. It is opened again after a pause, which grows until a message comes.
struct QueueChannel {
    enum Stage: Equatable {
        /// Not open.
        case closed
        case opening
        case looking
        /// The channel is opened again, as the broker closes it when there is no such queue.
        case reopening
        case creating
        case limiting
        /// All but to consume.
        case ready
        /// Deliveries may come; the broker has not said yet whether it takes the consumer.
        case starting
        case consuming
        /// The consumer is to end.
        case cancelling
        case cancelled
        /// This side closes the channel. What still comes is of no use.
        case closing
    }

    /// What a frame has changed.
    enum Change: Equatable {
        case nothing
        /// Messages flow from now on.
        case flows
        case failed(AMQPError)
        /// The message that the frame belongs to is to be taken.
        case content
    }

    /// The first pause, and the longest.
    static let pauses = Duration.seconds(1)...Duration.seconds(60)

    let channel: UInt16
    let queue: QueueDeclaration
    private(set) var window: PrefetchWindow
    /// How often the consumer was replaced by one with another window.
    private var replacements = 0
    /// What the queue is declared with where it is missing.
    private let arguments: [QueueArgument]
    private let answerTime: Duration
    private(set) var stage = Stage.closed
    /// Why nothing comes from the queue; nil if all is well, or was never tried.
    private(set) var failure: AMQPError?
    /// Until when an answer has to come, or when to open the channel again.
    private(set) var deadline: ContinuousClock.Instant?
    private var pause = Self.pauses.lowerBound
    private var isEnding = false

    /// - Parameters:
    ///   - index: the place of the queue among those of the connection, from 0 on.
    ///   - arguments: what the queue is declared with where it is missing.
    ///   - answerTime: how long the broker may take for each answer.
    init(
        index: Int, queue: QueueDeclaration, arguments: [QueueArgument], window: PrefetchWindow, answerTime: Duration
    ) {
        channel = UInt16(index + 1)
        self.queue = queue
        self.arguments = arguments
        self.window = window
        self.answerTime = answerTime
    }

    /// Whether nothing is left to wait for before the consumers are started.
    var isSettled: Bool { stage == .ready || failure != nil }
    /// Whether it has to be closed before the connection is.
    var isOpen: Bool { stage != .closed && stage != .closing }
    /// Whether nothing can come from the queue any more.
    var isDrained: Bool { [.closed, .cancelled, .closing].contains(stage) }

    private var consumerTag: String { "\(channel - 1).\(replacements)" }

    // MARK: what this side does

    mutating func open(_ out: inout SendQueue, at now: ContinuousClock.Instant) {
        ask(.opening, &out, at: now) { [channel] in $0.putOpenChannel(channel) }
    }

    mutating func consume(_ out: inout SendQueue, at now: ContinuousClock.Instant) {
        guard stage == .ready else { return }
        ask(.starting, &out, at: now) { [channel, queue, consumerTag] in
            $0.putConsume(queue.name, consumer: consumerTag, channel: channel)
        }
    }

    mutating func delivered(bytes: Int) { window.delivered(bytes: bytes) }

    /// Acknowledges so many deliveries, up to this tag. A window that changes with that is the business of another consumer, which
    /// takes the place of the one before in the same write: a consumer keeps the window that it began with. The one before
    /// ends first, or it would be sent what the acknowledgements make room for.
    mutating func acknowledge(through tag: UInt64, _ count: Int, _ out: inout SendQueue) {
        let size = window.acknowledge(count)
        guard let size, stage == .consuming else {
            return out.add { [channel] in $0.putAcknowledge(through: tag, channel: channel) }
        }
        let before = consumerTag
        replacements += 1
        out.add { [channel, queue, consumerTag] writer in
            writer.putCancel(consumer: before, channel: channel, wantsAnswer: false)
            writer.putAcknowledge(through: tag, channel: channel)
            writer.putPrefetch(UInt16(size), channel: channel)
            writer.putConsume(queue.name, consumer: consumerTag, channel: channel)
        }
    }

    /// Returns what is not acknowledged, before the channel is closed: nobody counts that against the messages where a lost
    /// channel counts.
    mutating func giveBack(_ out: inout SendQueue) {
        guard [.starting, .consuming, .cancelling, .cancelled].contains(stage) else { return }
        out.add { [channel, consumerTag, stage] writer in
            if stage == .starting || stage == .consuming {
                writer.putCancel(consumer: consumerTag, channel: channel, wantsAnswer: false)
            }
            writer.putGiveBack(channel: channel)
        }
    }

    /// Ends the deliveries for good; what was delivered can still be acknowledged.
    mutating func cancel(_ out: inout SendQueue, at now: ContinuousClock.Instant) {
        isEnding = true
        switch stage {
        case .consuming: askToCancel(&out, at: now)
        case .starting: break  // RabbitMQ 3.10 ends the connection for a cancel that overtakes its consumer
        case .cancelling, .cancelled, .closing: break
        case .closed: deadline = nil
        default: startClosing(&out)
        }
    }

    /// Opens the channel again when its pause is over, and gives up an answer that does not come.
    mutating func tick(_ out: inout SendQueue, at now: ContinuousClock.Instant) -> Change {
        guard let due = deadline, due <= now else { return .nothing }
        switch stage {
        case .closed:
            open(&out, at: now)
            return .nothing
        case .starting:  // its answer stands behind other deliveries, perhaps many
            deadline = nil
            return .nothing
        default: return fail(AMQPError(.timedOut, "\(action): the broker did not answer in time"), &out)
        }
    }

    /// Closes the channel because of what came by it, or did not come.
    mutating func fail(_ error: AMQPError, _ out: inout SendQueue) -> Change {
        failure = error
        startClosing(&out)
        return .failed(error)
    }

    private mutating func askToCancel(_ out: inout SendQueue, at now: ContinuousClock.Instant) {
        ask(.cancelling, &out, at: now) { [channel, consumerTag] in
            $0.putCancel(consumer: consumerTag, channel: channel)
        }
        deadline = nil
    }

    private mutating func startClosing(_ out: inout SendQueue) {
        out.add { [channel] in $0.putClose(MethodID.channelClose, channel: channel) }
        stage = .closing
        deadline = nil
    }

    // MARK: what the broker says

    /// - Throws: ``AMQPError`` of kind `protocolViolation` for a frame that does not belong there.
    mutating func take(
        _ frame: IncomingFrame, _ out: inout SendQueue, at now: ContinuousClock.Instant
    ) throws(AMQPError) -> Change {
        switch (stage, frame) {
        case (.looking, .channelClose(404, _)):
            ask(.reopening, &out, at: now) { [channel] in $0.putOpenChannel(channel) }
        case (.closing, .channelClose), (.closing, .channelCloseOK): closed(at: now)
        case (.closing, _): break
        case (.closed, _): throw .violation("a frame on channel \(channel), which is not open")
        case (_, .channelClose(let code, let text)):
            let error = AMQPError(.channelClosed(code), "\(action): \(code) \(text)")
            failure = error
            closed(at: now)
            return .failed(error)
        case (.starting, .deliver), (.consuming, .deliver):
            pause = Self.pauses.lowerBound
            return .content
        case (.cancelling, .deliver): return .content
        case (.starting, .header), (.consuming, .header), (.cancelling, .header): return .content
        case (.starting, .body), (.consuming, .body), (.cancelling, .body): return .content
        case (.starting, .cancelled), (.consuming, .cancelled):
            let text = "the broker no longer delivers from the queue \(queue.name)"
            return fail(AMQPError(.consumerCancelled(queue: queue.name), text), &out)
        case (.starting, .consumeOK):
            stage = .consuming
            deadline = nil
            failure = nil
            if isEnding { askToCancel(&out, at: now) }
            return .flows
        case (.consuming, .qosOK), (.consuming, .consumeOK): break  // of a consumer that took another's place
        case (.cancelling, .qosOK), (.cancelling, .consumeOK): break
        case (.cancelling, .cancelled): break  // the answer to ours comes, too, and deliveries may before it
        case (.cancelling, .cancelOK): stage = .cancelled
        default: try takeAnswer(frame, &out, at: now)
        }
        return .nothing
    }

    private mutating func takeAnswer(
        _ frame: IncomingFrame, _ out: inout SendQueue, at now: ContinuousClock.Instant
    ) throws(AMQPError) {
        let (channel, queue, prefetch, arguments) = (channel, queue, UInt16(window.size), arguments)
        switch (stage, frame) {
        case (.opening, .channelOpenOK):
            ask(.looking, &out, at: now) { $0.putDeclare(queue.name, passive: true, channel: channel) }
        case (.reopening, .channelOpenOK):
            ask(.creating, &out, at: now) {
                $0.putDeclare(queue.name, passive: false, arguments: arguments, channel: channel)
            }
        case (.looking, .declareOK), (.creating, .declareOK):
            ask(.limiting, &out, at: now) { $0.putPrefetch(prefetch, channel: channel) }
        case (.limiting, .qosOK):
            stage = .ready
            deadline = nil
        default: throw .violation("an answer that does not belong there, on channel \(channel)")
        }
    }

    // MARK: parts

    private mutating func ask(
        _ next: Stage, _ out: inout SendQueue, at now: ContinuousClock.Instant, _ write: (inout FrameWriter) -> Void
    ) {
        out.add(write)
        stage = next
        deadline = now + answerTime
    }

    private mutating func closed(at now: ContinuousClock.Instant) {
        window.restart()
        stage = .closed
        deadline = isEnding ? nil : now + pause
        pause = min(pause * 2, Self.pauses.upperBound)
    }

    /// What was asked last, for messages.
    private var action: String {
        switch stage {
        case .looking: "looking at the queue \(queue.name)"
        case .creating: "declaring the queue \(queue.name)"
        case .limiting: "setting the prefetch count"
        case .starting, .consuming, .cancelling: "consuming from the queue \(queue.name)"
        default: "opening a channel"
        }
    }
}
