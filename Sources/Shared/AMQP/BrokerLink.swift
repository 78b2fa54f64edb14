import EventLoop
import Glibc

/// One connection with its channels, as its actor uses it: frames in and out without ever waiting, and heartbeats.
///
/// The C library connects and shakes hands with TLS (``BrokerHandle``). What the broker says is read here, because the
/// library takes memory for whatever a peer announces, reads structures that a frame does not have, and follows nested
/// headers by recursion. Nothing here takes more memory than a frame.
struct BrokerLink: ~Copyable {
    /// How often the socket is read before others have their turn: what comes without end must not hold the thread.
    private static let readsPerTurn = 16

    let handle: BrokerHandle
    /// The broker that answered, without credentials.
    let address: String
    /// What the broker says of itself.
    var server = BrokerVersion(major: 0, text: "")
    /// The heartbeats, from the login on.
    var clock: HeartbeatClock
    /// What is to be sent.
    var outgoing = SendQueue()
    private var buffer = FrameBuffer()
    /// One for each channel, from 1 on.
    private var orders: [ContentOrder]
    private var turn = Turn(now: .now)

    /// What was read since the thread's last sleep.
    private struct Turn {
        let now: ContinuousClock.Instant
        var readsLeft = readsPerTurn
        /// Nothing more is there, as far as is known: the socket says when there is.
        var isDrained = false
    }

    /// - Parameter channels: how many are used, from 1 on. Frames of others end the connection.
    init(handle: consuming BrokerHandle, address: String, channels: Int) {
        self.handle = handle
        self.address = address
        orders = Array(repeating: ContentOrder(), count: channels)
        clock = HeartbeatClock(interval: nil, now: .now)
    }

    // MARK: reading

    /// Allows to read again; to be called once for each time that the thread woke up.
    mutating func beginTurn(at now: ContinuousClock.Instant) { turn = Turn(now: now) }

    /// The next frame that has come, with its channel, or nil when there is none; heartbeats are not handed out.
    /// - Throws: ``AMQPError`` when the connection is lost, or closed by the broker, or when what comes makes no sense; the answer
    ///   that the broker waits for is queued then. So it is when the broker closes a channel, which is handed out.
    mutating func nextFrame() throws(AMQPError) -> (channel: UInt16, frame: IncomingFrame)? {
        while true {
            guard let raw = try nextRaw() else { return nil }
            let frame = try checked(raw)
            switch frame {
            case .heartbeat: continue
            case .channelClose: outgoing.add { $0.putMethod(MethodID.channelCloseOK, channel: raw.channel) }
            case .connectionClose(let code, let text):
                outgoing.add { $0.putMethod(MethodID.connectionCloseOK, channel: 0) }
                throw AMQPError(.closedByBroker(code), "the broker closed the connection: \(code) \(text)")
            default: break
            }
            return (raw.channel, frame)
        }
    }

    private mutating func checked(_ raw: RawFrame) throws(AMQPError) -> IncomingFrame {
        guard raw.channel <= orders.count else {
            throw .violation("a frame on channel \(raw.channel), which is not open")
        }
        do {
            let frame = try IncomingFrame(raw)
            if raw.channel > 0 { _ = try orders[Int(raw.channel) - 1].take(frame) }
            return frame
        } catch is ContentOrder.Violation {
            throw .violation("frames of a message in an impossible order")
        } catch {
            throw .violation(raw.summary)
        }
    }

    private mutating func nextRaw() throws(AMQPError) -> RawFrame? {
        while true {
            do throws(FieldReader.Malformed) {
                if let raw = try buffer.next() { return raw }
            } catch {
                throw .violation(
                    buffer.start(4).elementsEqual("AMQP".utf8) ? "another version of AMQP" : "no frame of AMQP")
            }
            guard turn.readsLeft > 0, !turn.isDrained else { return nil }
            try read()
        }
    }

    private mutating func read() throws(AMQPError) {
        turn.readsLeft -= 1
        let room = buffer.room()
        switch handle.transport.read(into: room) {
        case .bytes(let count):
            buffer.filled(count)
            clock.didRead(at: turn.now)
            // Of a socket less than asked for is all there is. OpenSSL hands out a record at a time.
            turn.isDrained = count < room.count && handle.session == nil
        case .nothing: turn.isDrained = true
        case .ended: throw AMQPError(.connectionLost, "the broker ended the connection without a word")
        case .broken(let reason): throw AMQPError(.connectionLost, "reading from the broker: \(reason)")
        }
    }

    // MARK: writing

    /// Sends what the socket takes at once.
    mutating func flush(at now: ContinuousClock.Instant) throws(AMQPError) {
        guard outgoing.unsent > 0 else { return }
        let (sent, failure) = outgoing.send(by: handle.transport)
        if sent > 0 { clock.didWrite(at: now) }
        guard let failure else { return }
        beginTurn(at: now)
        while try nextFrame() != nil {}  // the broker may have said why
        throw AMQPError(.connectionLost, "cannot send to the broker: \(failure)")
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
        // What was read already, here or by OpenSSL, does not make the socket readable again.
        let leftOver = reading && isUrgent && !turn.isDrained
        return PollThread.Interest(
            descriptor: handle.descriptor, readable: reading && isUrgent, writable: unsent,
            deadline: [heartbeat, deadline, leftOver ? now : nil].compactMap(\.self).min())
    }
}

extension AMQPError {
    static func violation(_ what: String) -> AMQPError {
        AMQPError(.protocolViolation, "the broker sent what the protocol does not allow: \(what)")
    }
}

extension RawFrame {
    /// Names it for a log line.
    fileprivate var summary: String {
        var fields = FieldReader(payload)
        guard type == FrameWriter.method, let id = try? fields.integer(UInt32.self) else {
            return "a frame of type \(type) with \(payload.count) bytes on channel \(channel)"
        }
        return "method \(id >> 16).\(id & 0xFFFF) with \(payload.count) bytes on channel \(channel)"
    }
}
