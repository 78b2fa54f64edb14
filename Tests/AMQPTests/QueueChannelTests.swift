import Testing

@testable import AMQP

/// What is asked, in which order, and what follows from each answer.
@Suite struct QueueChannelTests {
    private var channel = QueueChannel(
        index: 2, queue: QueueDeclaration(name: "q"), arguments: [],
        window: PrefetchWindow(first: 7, messages: 7, bytes: .max), answerTime: .seconds(10))
    private var out = SendQueue()
    private let start = ContinuousClock.now

    private mutating func take(_ frame: IncomingFrame, after seconds: Int = 0) throws -> QueueChannel.Change {
        try channel.take(frame, &out, at: start + .seconds(seconds))
    }

    /// The methods that were sent, all on channel 3.
    private mutating func sent() -> [UInt32] {
        var buffer = FrameBuffer()
        buffer.room().copyBytes(from: out.frames.bytes)
        buffer.filled(out.frames.bytes.count)
        out = SendQueue()
        var methods: [UInt32] = []
        while let frame = try? buffer.next() {
            #expect(frame.channel == 3)
            methods.append(UInt32(bigEndian: frame.payload.loadUnaligned(as: UInt32.self)))
        }
        return methods
    }

    private mutating func consume() throws {
        channel.open(&out, at: start)
        for frame in [IncomingFrame.channelOpenOK, .declareOK(messages: 0, consumers: 0), .qosOK] {
            _ = try take(frame)
        }
        channel.consume(&out, at: start)
        #expect(try take(.consumeOK) == .flows)
        _ = sent()
    }

    @Test mutating func aQueueThatIsThereIsConsumedAfterAllThatWaits() throws {
        channel.open(&out, at: start)
        #expect(sent() == [MethodID.channelOpen])
        #expect(try take(.channelOpenOK) == .nothing)
        #expect(try take(.declareOK(messages: 1, consumers: 0)) == .nothing)
        #expect(sent() == [MethodID.queueDeclare, MethodID.basicQos])
        channel.consume(&out, at: start)
        #expect(sent().isEmpty && !channel.isSettled)
        #expect(try take(.qosOK) == .nothing)
        #expect(channel.isSettled)
        channel.consume(&out, at: start)
        #expect(sent() == [MethodID.basicConsume])
        #expect(try take(.consumeOK) == .flows)
        #expect(try take(.deliver(tag: 1, redelivered: false)) == .content)
    }

    @Test mutating func aMissingQueueIsCreatedOnTheChannelOpenedAgain() throws {
        channel.open(&out, at: start)
        _ = try take(.channelOpenOK)
        #expect(try take(.channelClose(code: 404, text: "")) == .nothing)
        _ = try take(.channelOpenOK)
        #expect(sent().suffix(2) == [MethodID.channelOpen, MethodID.queueDeclare])
        _ = try take(.declareOK(messages: 0, consumers: 0))
        _ = try take(.qosOK)
        #expect(channel.stage == .ready && channel.failure == nil)
    }

    @Test mutating func aRefusalIsTriedAgainAfterPausesThatGrowUntilAMessageComes() throws {
        channel.open(&out, at: start)
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            _ = try take(.channelOpenOK)
            guard case .failed(let error) = try take(.channelClose(code: 403, text: "no")) else {
                Issue.record("not failed")
                return
            }
            #expect(error.kind == .channelClosed(403) && error.message == "looking at the queue q: 403 no")
            #expect(channel.tick(&out, at: start + .seconds(pause) - .milliseconds(1)) == .nothing)
            #expect(channel.stage == .closed && channel.failure == error)
            #expect(channel.tick(&out, at: start + .seconds(pause)) == .nothing)
            #expect(channel.stage == .opening)
        }
        try consume()
        #expect(channel.failure == nil)
        _ = try take(.deliver(tag: 1, redelivered: false))
        _ = try take(.channelClose(code: 541, text: ""))
        #expect(channel.deadline == start + .seconds(1))
    }

    @Test mutating func anAnswerThatDoesNotComeClosesTheChannel() throws {
        channel.open(&out, at: start)
        _ = try take(.channelOpenOK)
        _ = sent()
        guard case .failed(let error) = channel.tick(&out, at: start + .seconds(10)) else {
            Issue.record("not failed")
            return
        }
        #expect(error.kind == .timedOut && sent() == [MethodID.channelClose])
        #expect(try take(.declareOK(messages: 0, consumers: 0), after: 11) == .nothing)
        #expect(channel.stage == .closing)
        #expect(try take(.channelCloseOK, after: 12) == .nothing)
        #expect(channel.stage == .closed && channel.deadline == start + .seconds(13))
    }

    @Test mutating func aConsumerThatTheBrokerEndsIsStartedAgain() throws {
        try consume()
        guard case .failed(let error) = try take(.cancelled) else {
            Issue.record("not failed")
            return
        }
        #expect(error.kind == .consumerCancelled(queue: "q") && sent() == [MethodID.channelClose])
        #expect(try take(.deliver(tag: 1, redelivered: true)) == .nothing)
        _ = try take(.channelCloseOK)
        #expect(channel.deadline != nil)
    }

    @Test mutating func whatEndsIsNotTriedAgain() throws {
        try consume()
        channel.cancel(&out, at: start)
        #expect(sent() == [MethodID.basicCancel] && !channel.isDrained)
        #expect(try take(.deliver(tag: 1, redelivered: true)) == .content)
        #expect(try take(.cancelOK) == .nothing)
        #expect(channel.isDrained)
        _ = try take(.channelClose(code: 541, text: ""))
        #expect(channel.deadline == nil && channel.isDrained)
    }

    /// RabbitMQ answers a cancel also when it has ended the consumer itself, and from 4.3 on it may deliver after that.
    @Test mutating func aConsumerThatBothEndIsEndedByTheAnswer() throws {
        try consume()
        channel.cancel(&out, at: start)
        #expect(try take(.cancelled) == .nothing)
        #expect(!channel.isDrained)
        #expect(try take(.deliver(tag: 1, redelivered: true)) == .content)
        #expect(try take(.cancelOK) == .nothing)
        #expect(channel.isDrained)
    }

    /// In another order a quorum queue would send the consumer that ends what the acknowledgements make room for, and count its
    /// return.
    @Test mutating func aWiderWindowEndsOneConsumerBeforeWhatItHeldIsAcknowledged() throws {
        channel = QueueChannel(
            index: 2, queue: QueueDeclaration(name: "q"), arguments: [],
            window: PrefetchWindow(first: 2, messages: 100, bytes: .max), answerTime: .seconds(10))
        try consume()
        channel.delivered(bytes: 1)
        channel.acknowledge(through: 1, 1, &out)
        #expect(sent() == [MethodID.basicAck])
        for _ in 0..<2 { channel.delivered(bytes: 1) }
        channel.acknowledge(through: 3, 2, &out)
        #expect(sent() == [MethodID.basicCancel, MethodID.basicAck, MethodID.basicQos, MethodID.basicConsume])
    }

    /// RabbitMQ 3.10 ends the connection (541) for a cancel that comes before the consumer is there.
    @Test mutating func aConsumerThatIsNotThereYetIsEndedWhenItIs() throws {
        channel.open(&out, at: start)
        for frame in [IncomingFrame.channelOpenOK, .declareOK(messages: 0, consumers: 0), .qosOK] {
            _ = try take(frame)
        }
        channel.consume(&out, at: start)
        _ = sent()
        channel.cancel(&out, at: start)
        #expect(sent().isEmpty && !channel.isDrained)
        _ = try take(.consumeOK)
        #expect(sent() == [MethodID.basicCancel])
    }

    @Test mutating func whatDoesNotBelongThereIsAViolation() throws {
        let all: [IncomingFrame] = [
            .channelOpenOK, .declareOK(messages: 0, consumers: 0), .qosOK, .consumeOK, .selectOK,
            .ack(tag: 1, multiple: true),
            .nack(tag: 1, multiple: true), .returned(code: 1, text: ""), .cancelOK,
            .deliver(tag: 1, redelivered: false),
            .channelCloseOK,
        ]
        channel.open(&out, at: start)
        _ = try take(.channelOpenOK)
        var refused = 0
        for frame in all {
            var other = channel
            var out = SendQueue()
            do { _ = try other.take(frame, &out, at: start) } catch { refused += 1 }
        }
        #expect(refused == all.count - 1)
    }
}
