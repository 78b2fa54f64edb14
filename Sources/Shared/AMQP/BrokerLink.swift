import CRabbitMQ
import EventLoop
import Glibc

/// One connection with one channel, as its actor uses it: reading frames, writing without ever waiting, heartbeats.
///
/// The library connects, logs in and reads; what is written after that goes by way of ``outgoing``. With TLS only the
/// library can write. It then takes the same frames, and waits for a peer that takes nothing, until the ``Watchdog`` shuts
/// the socket down.
struct BrokerLink: ~Copyable {
    let handle: BrokerHandle
    /// The broker that answered, without credentials.
    let address: String
    /// How long a write by the library may take; nil where it does not write.
    private let libraryWriteTimeout: Duration?
    private(set) var clock: HeartbeatClock
    /// What is to be sent.
    var outgoing = SendQueue()
    /// The channel whose memory the last frame is in.
    private var lastChannel: UInt16 = 0

    init(handle: consuming BrokerHandle, address: String, heartbeat: Duration?, libraryWriteTimeout: Duration?) {
        self.handle = handle
        self.address = address
        self.libraryWriteTimeout = libraryWriteTimeout
        clock = HeartbeatClock(interval: heartbeat, now: .now)
    }

    // MARK: reading

    /// Notes that the broker lives if bytes have come. Asked of the socket, because the library keeps heartbeats to
    /// itself.
    mutating func notice(at now: ContinuousClock.Instant) {
        var byte: UInt8 = 0
        let flags = Int32(MSG_PEEK | MSG_DONTWAIT)
        if recv(handle.descriptor, &byte, 1, flags) > 0 { clock.didRead(at: now) }
    }

    /// The next frame that has come, or nil when there is none.
    /// - Throws: ``AMQPError`` when the connection is lost or the broker closes it or the channel; the answer that the
    ///   broker waits for is queued then.
    mutating func nextFrame() throws(AMQPError) -> IncomingFrame? {
        let frame = try nextFrameOfAnyKind()
        switch frame {
        case .channelClose(let code, let text):
            outgoing.add { $0.putMethod(MethodID.channelCloseOK) }
            throw AMQPError(.channelClosed(code), "the broker closed the channel: \(code) \(text)")
        case .connectionClose(let code, let text):
            outgoing.add { $0.putMethod(MethodID.connectionCloseOK, channel: 0) }
            throw AMQPError(.closedByBroker(code), "the broker closed the connection: \(code) \(text)")
        default:
            return frame
        }
    }

    private mutating func nextFrameOfAnyKind() throws(AMQPError) -> IncomingFrame? {
        // What the previous frame pointed to has been copied, so its memory can go.
        amqp_maybe_release_buffers_on_channel(handle.raw, lastChannel)
        var frame = amqp_frame_t()
        var noTime = timeval()
        let status = amqp_simple_wait_frame_noblock(handle.raw, &frame, &noTime)
        if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
        guard status == AMQP_STATUS_OK.rawValue else { throw .lost(status) }
        lastChannel = frame.channel
        return IncomingFrame(frame)
    }

    // MARK: writing

    /// Sends what the socket takes at once.
    mutating func flush(at now: ContinuousClock.Instant) throws(AMQPError) {
        guard outgoing.unsent > 0 else { return }
        if let libraryWriteTimeout {
            try send(within: libraryWriteTimeout)
            outgoing.removeAll()
            clock.didWrite(at: now)
        } else {
            guard let sent = outgoing.send(to: handle.descriptor) else {
                let reason = errno
                while try nextFrame() != nil {}  // the broker may have said why
                throw AMQPError(.connectionLost, "cannot send to the broker: \(String(cString: strerror(reason)))")
            }
            if sent > 0 { clock.didWrite(at: now) }
        }
    }

    private func send(within limit: Duration) throws(AMQPError) {
        try Watchdog.shared.guarding(handle.descriptor, for: limit) { () throws(AMQPError) in
            try LibraryWriter.send(outgoing.frames.bytes, to: handle)
        }
    }

    /// Queues a heartbeat when one is due.
    /// - Throws: ``AMQPError`` of kind `heartbeatTimeout` when the broker was silent for too long.
    mutating func keepAlive(at now: ContinuousClock.Instant) throws(AMQPError) {
        switch clock.action(at: now, unsent: outgoing.unsent > 0) {
        case .nothing: break
        case .sendHeartbeat: outgoing.add { $0.putHeartbeat() }
        case .giveUp:
            throw AMQPError(.heartbeatTimeout, "nothing was heard from the broker for two heartbeat intervals")
        }
    }

    // MARK: waiting

    /// What the thread has to wait for.
    /// - Parameters:
    ///   - reading: whether there is room for what the broker sends.
    ///   - isUrgent: whether to read it when it comes; else the deadline is early enough.
    ///   - deadline: when the actor itself wants to be called at the latest.
    mutating func interest(
        reading: Bool, isUrgent: Bool = true, deadline: ContinuousClock.Instant?, now: ContinuousClock.Instant
    ) -> PollThread.Interest {
        clock.setReading(reading, at: now)
        let unsent = outgoing.unsent > 0
        let heartbeat = clock.deadline(unsent: unsent)
        // What the library has read already does not make the socket readable again.
        let leftOver =
            reading && isUrgent && (amqp_data_in_buffer(handle.raw) != 0 || amqp_frames_enqueued(handle.raw) != 0)
        return PollThread.Interest(
            descriptor: handle.descriptor, readable: reading && isUrgent, writable: unsent,
            deadline: [heartbeat, deadline, leftOver ? now : nil].compactMap(\.self).min())
    }

    // MARK: the end

    /// Says good-bye without waiting for an answer, before a connection is dropped because of an error.
    mutating func sayGoodbye(after error: AMQPError) {
        switch error.kind {
        case .channelClosed, .consumerCancelled:
            outgoing.add { $0.putClose(MethodID.connectionClose, channel: 0) }
        case .closedByBroker: break
        default: return
        }
        try? flush(at: .now)
    }

    /// Sends what is queued, closes the channel and then the connection, and waits for the broker's answers, blocking
    /// this connection's own thread for at most the given time.
    ///
    /// One after the other, because only an answered channel.close means that acknowledgements before it were taken.
    mutating func close(within limit: Duration) {
        let deadline = ContinuousClock.now + limit
        outgoing.add { $0.putClose(MethodID.channelClose, channel: FrameWriter.channel) }
        let channelClosed = wait(until: deadline) { frame in
            if case .channelCloseOK = frame { true } else { false }
        }
        guard channelClosed else { return }
        outgoing.add { $0.putClose(MethodID.connectionClose, channel: 0) }
        _ = wait(until: deadline) { frame in
            if case .connectionCloseOK = frame { true } else { false }
        }
    }

    private mutating func wait(
        until deadline: ContinuousClock.Instant, for isAnswer: (IncomingFrame) -> Bool
    ) -> Bool {
        do throws(AMQPError) {
            while true {
                try flush(at: .now)
                while let frame = try nextFrame() {
                    if isAnswer(frame) { return true }
                }
                let left = deadline - .now
                guard left > .zero else { return false }
                let events = Int16(POLLIN) | (outgoing.unsent > 0 ? Int16(POLLOUT) : 0)
                var descriptor = pollfd(fd: handle.descriptor, events: events, revents: 0)
                _ = poll(&descriptor, 1, Int32(min(left / .milliseconds(1), 3_600_000)) + 1)
            }
        } catch {
            try? flush(at: .now)  // the answer to a close of the broker's
            return false
        }
    }
}
