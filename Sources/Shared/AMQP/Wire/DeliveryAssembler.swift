/// Puts deliveries together from their frames: method, header, any number of body frames. Does no I/O. The order of the
/// frames of a channel is checked before (``ContentOrder``); those of several channels may come in turns.
///
/// Bodies are copied at once, one behind the other into the bytes of the next batch, because the memory of a frame is used
/// again for the next one. What is not whole yet is kept apart, and takes memory as it comes, not as it is announced.
struct DeliveryAssembler {
    /// A delivery whose body is to come.
    private struct Unfinished {
        let tag: UInt64
        let redelivered: Bool
        var headers: [Header] = []
        var size = 0
        var bytes: [UInt8] = []
    }

    private var unfinished: [Unfinished?]
    private var batch = DeliveryBatch()
    /// How many bytes of bodies are here that are not whole.
    private(set) var unfinishedBytes = 0

    init(queues: Int) { unfinished = Array(repeating: nil, count: queues) }

    /// How many deliveries are complete.
    var count: Int { batch.deliveries.count }
    /// How many bytes the bodies of complete deliveries take.
    var byteCount: Int { batch.bytes.count }

    /// - Parameter tag: the broker's; see ``complete(_:number:)``.
    mutating func begin(tag: UInt64, queue: Int, redelivered: Bool) {
        unfinished[queue] = Unfinished(tag: tag, redelivered: redelivered)
    }

    /// - Returns: the tag of the delivery if this makes it whole, as it does without a body. So does ``body(_:queue:)``.
    mutating func header(size: Int, headers: [Header], queue: Int) -> UInt64? {
        unfinished[queue]?.headers = headers
        unfinished[queue]?.size = size
        return size == 0 ? unfinished[queue]?.tag : nil
    }

    /// Keeps the bytes, but for the last ones, which ``complete(_:number:last:)`` takes: nothing is copied twice where a body
    /// is one frame.
    mutating func body(_ bytes: UnsafeRawBufferPointer, queue: Int) -> UInt64? {
        // No copy of what is here may be held: the next line would copy all of it, for each frame.
        guard let (tag, missing) = unfinished[queue].map({ ($0.tag, $0.size - $0.bytes.count) }) else { return nil }
        if missing == bytes.count { return tag }
        unfinished[queue]?.bytes.append(contentsOf: bytes)
        unfinishedBytes += bytes.count
        return nil
    }

    /// Adds the delivery of a queue to the batch.
    /// - Parameters:
    ///   - number: its ``Delivery/tag``.
    ///   - last: the end of its body.
    mutating func complete(_ queue: Int, number: UInt64, last: UnsafeRawBufferPointer) {
        guard let whole = unfinished[queue].take() else { return }
        let start = batch.bytes.count
        unfinishedBytes -= whole.bytes.count
        if start == 0 && !whole.bytes.isEmpty {
            batch.bytes = whole.bytes
        } else {
            batch.bytes.append(contentsOf: whole.bytes)
        }
        batch.bytes.append(contentsOf: last)
        batch.deliveries.append(
            Delivery(
                tag: number, queue: queue, redelivered: whole.redelivered, body: start..<batch.bytes.count,
                headers: whole.headers))
    }

    /// Forgets the delivery of a queue that is not whole: its channel is closed.
    mutating func abandon(_ queue: Int) {
        unfinishedBytes -= unfinished[queue].take()?.bytes.count ?? 0
    }

    /// Hands out the oldest complete deliveries, up to the one that reaches a limit, and keeps the rest.
    mutating func take(atMost limit: Int, bytes: Int = .max) -> DeliveryBatch {
        var taken = min(limit, count)
        if byteCount > bytes, let last = batch.deliveries.firstIndex(where: { $0.body.upperBound >= bytes }) {
            taken = min(taken, last + 1)
        }
        let end = taken == 0 ? 0 : batch.deliveries[taken - 1].body.upperBound
        var rest = DeliveryBatch(bytes: Array(batch.bytes[end...]))
        rest.deliveries = batch.deliveries[taken...].map { delivery in
            var delivery = delivery
            delivery.body = delivery.body.lowerBound - end..<delivery.body.upperBound - end
            return delivery
        }
        swap(&rest, &batch)
        rest.bytes.removeLast(rest.bytes.count - end)
        rest.deliveries.removeLast(rest.deliveries.count - taken)
        return rest
    }
}
