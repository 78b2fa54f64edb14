import DequeModule

/// Which delivery of which channel each delivery of a consumer is. Does no I/O.
///
/// A consumer numbers its deliveries over all channels; the broker numbers them on each channel, and from 1 on again when the
/// channel is opened again. What was delivered on a channel that was closed since can't be acknowledged: it comes again.
struct DeliveryLedger {
    /// A delivery tag of the broker's that does not follow the one before it.
    struct Violation: Error, Equatable {}

    private struct Channel {
        var lastTag: UInt64 = 0
        var acknowledged: UInt64 = 0
        /// How often it was opened again.
        var opening: UInt32 = 0
    }

    private var channels: [Channel]
    /// The deliveries that are not acknowledged, in their order.
    private var open: Deque<(channel: Int, opening: UInt32, tag: UInt64)> = []
    /// The number of the last delivery.
    private var last: UInt64 = 0

    init(channels: Int) { self.channels = Array(repeating: Channel(), count: channels) }

    /// - Parameter channel: from 0 on.
    /// - Returns: its number; rises by one with each delivery.
    mutating func deliver(_ tag: UInt64, on channel: Int) throws(Violation) -> UInt64 {
        guard tag == channels[channel].lastTag + 1 else { throw Violation() }
        channels[channel].lastTag = tag
        open.append((channel, channels[channel].opening, tag))
        last += 1
        return last
    }

    mutating func reopened(_ channel: Int) {
        channels[channel] = Channel(opening: channels[channel].opening + 1)
    }

    /// - Returns: up to which tag to acknowledge, and how many deliveries these are, on each channel that has something to
    ///   acknowledge.
    mutating func acknowledge(through number: UInt64) -> [(channel: Int, tag: UInt64, count: Int)] {
        var tags = [UInt64](repeating: 0, count: channels.count)
        var first = last - UInt64(open.count) + 1
        while first <= number, let (channel, opening, tag) = open.popFirst() {
            if opening == channels[channel].opening { tags[channel] = tag }
            first += 1
        }
        return tags.enumerated().filter { $0.element > 0 }.map { channel, tag in
            defer { channels[channel].acknowledged = tag }
            return (channel: channel, tag: tag, count: Int(tag - channels[channel].acknowledged))
        }
    }
}
