/// How many messages of a queue may be unacknowledged: few at first, and the more the more of them are acknowledged. Does no
/// I/O.
///
/// When the connection is lost, all of them come back, and a quorum queue counts that for each: RabbitMQ 4 drops a message
/// at its twenty-first return. With a window that grows with what this session has acknowledged, a message comes back twenty
/// times at most if sessions end again and again, as long as each of them acknowledges something; with a window that is wide
/// from the start, two thousand would come back with each.
struct PrefetchWindow {
    private let first: Int
    private let messages: Int
    private let bytes: Int
    private(set) var size: Int
    private var acknowledged = 0
    /// Unacknowledged deliveries of the consumer that has the window now, and of those whose place it took.
    private var own = 0
    private var others = 0
    /// Of the bodies that came last.
    private var averageBytes = 0.0

    /// - Parameters:
    ///   - first: what a session begins with.
    ///   - messages: the widest window; 0 is without an end, from the start on.
    ///   - bytes: what the bodies in it may take together, as far as those before let one guess.
    init(first: Int, messages: Int, bytes: Int) {
        self.first = min(first, messages)
        self.messages = messages
        self.bytes = bytes
        size = self.first
    }

    /// The channel was closed: what it held has come back, and the next one begins like a session.
    mutating func restart() {
        size = first
        acknowledged = 0
        (own, others) = (0, 0)
    }

    mutating func delivered(bytes: Int) {
        own += 1
        let weight = bytes > Int(averageBytes) ? 0.5 : 0.05  // it must not take long to learn of large ones
        averageBytes += (Double(bytes) - averageBytes) * weight
    }

    /// So many deliveries, the oldest, are to be acknowledged.
    ///
    /// A change takes another consumer, and what is on its way to the one before returns to a quorum queue, counted as every
    /// return is. So the window widens only while it is full, for then nothing is on its way, if the consumer ends before the
    /// acknowledgements go out. It narrows at any time, which happens where bodies become large.
    /// - Returns: the new size, if it is to be another one: it is not worth telling the broker of less than a doubling.
    mutating func acknowledge(_ count: Int) -> Int? {
        let isFull = own >= size
        let ofOthers = min(others, count)
        others -= ofOthers
        own = max(0, own - (count - ofOthers))
        guard messages > 0 else { return nil }
        acknowledged += count
        let fitting = averageBytes > 0 ? Int(min(Double(bytes) / averageBytes, 65_535)) : messages
        let target = max(1, min(messages, fitting, first + 2 * acknowledged))
        let isWider = isFull && (target >= 2 * size || (target > size && target == messages))
        guard isWider || target <= size / 2 else { return nil }
        size = target
        (own, others) = (0, others + own)
        return target
    }
}
