import Glibc

/// Calls that wait for the broker, blocking their thread: for the time before anything is published or consumed, and for the end.
extension BrokerLink {
    /// Sends what is queued and waits for the answer on a channel.
    /// - Parameters:
    ///   - action: what was asked for, for messages.
    ///   - skips: whether a frame of the channel is of no interest; none is, by default.
    ///   - read: the value of the frame that is the answer; nil for any other.
    /// - Throws: ``AMQPError`` when the broker closes the channel or the connection, says something else, or takes too long.
    mutating func answer<Value>(
        to action: String, on channel: UInt16, until deadline: ContinuousClock.Instant,
        skipping skips: (IncomingFrame) -> Bool = { _ in false },
        _ read: (IncomingFrame) throws(AMQPError) -> Value?
    ) throws(AMQPError) -> Value {
        do throws(AMQPError) {
            while let (from, frame) = try awaitFrame(until: deadline) {
                if from == channel, let value = try read(frame) { return value }
                switch frame {
                case .channelClose(let code, let text) where from == channel:
                    throw AMQPError(.channelClosed(code), "\(code) \(text)")
                case .blocked, .unblocked: break
                case _ where from == channel && skips(frame): break
                default: throw .violation("an answer that does not belong there")
                }
            }
            throw AMQPError(.timedOut, "the broker did not answer in time")
        } catch {
            throw AMQPError(error.kind, "\(action): \(error.message)")
        }
    }

    /// Sends what is queued, and waits for the next frame.
    /// - Returns: nil when the time is over.
    mutating func awaitFrame(
        until deadline: ContinuousClock.Instant
    ) throws(AMQPError) -> (channel: UInt16, frame: IncomingFrame)? {
        while true {
            let now = ContinuousClock.now
            guard now < deadline else { return nil }
            try flush(at: now)
            beginTurn(at: now)
            if let frame = try nextFrame() { return frame }
            let events = Int16(POLLIN) | (outgoing.unsent > 0 ? Int16(POLLOUT) : 0)
            var descriptor = pollfd(fd: handle.descriptor, events: events, revents: 0)
            _ = poll(&descriptor, 1, Int32(min((deadline - now) / .milliseconds(1), 3_600_000)) + 1)
        }
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

    /// Sends what is queued, closes the channels and then the connection, and waits for the broker's answers, blocking
    /// this connection's own thread for at most the given time.
    ///
    /// One after the other, because only an answered channel.close means that acknowledgements before it were taken.
    mutating func close(_ channels: some Sequence<UInt16>, within limit: Duration) {
        let deadline = ContinuousClock.now + limit
        var open = Set(channels)
        for channel in open { outgoing.add { $0.putClose(MethodID.channelClose, channel: channel) } }
        do throws(AMQPError) {
            while !open.isEmpty, let (channel, frame) = try awaitFrame(until: deadline) {
                switch frame {
                case .channelCloseOK, .channelClose: open.remove(channel)
                default: break  // what was on its way
                }
            }
            guard open.isEmpty else { return }
            outgoing.add { $0.putClose(MethodID.connectionClose, channel: 0) }
            while let (_, frame) = try awaitFrame(until: deadline) {
                if case .connectionCloseOK = frame { return }
            }
        } catch {
            try? flush(at: .now)  // the answer to a close of the broker's
        }
    }
}
