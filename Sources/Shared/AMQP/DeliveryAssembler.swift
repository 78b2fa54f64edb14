/// Puts deliveries together from their frames: method, header, any number of body frames. Does no I/O.
///
/// Bodies are copied at once, one behind the other into the bytes of the next batch, because the library reuses its
/// memory with the next frame.
struct DeliveryAssembler {
    /// The frames came in an order that the protocol does not know.
    struct Violation: Error, Equatable {}

    private enum Stage: Equatable {
        case idle
        case awaitingHeader
        case awaitingBody(missing: UInt64)
    }

    private let maximumBodyBytes: Int
    private var stage = Stage.idle
    private var tag: UInt64 = 0
    private var queue = 0
    private var redelivered = false
    private var headers: [Header] = []
    private var announced: UInt64 = 0
    private var bodyStart = 0
    private var batch = DeliveryBatch()

    init(maximumBodyBytes: Int) {
        self.maximumBodyBytes = maximumBodyBytes
    }

    /// How many deliveries are complete.
    var count: Int { batch.deliveries.count }
    /// How many bytes the bodies of complete deliveries take.
    var byteCount: Int { batch.deliveries.last?.body.upperBound ?? 0 }

    mutating func begin(tag: UInt64, queue: Int, redelivered: Bool) throws(Violation) {
        guard stage == .idle else { throw Violation() }
        stage = .awaitingHeader
        (self.tag, self.queue, self.redelivered) = (tag, queue, redelivered)
    }

    mutating func header(size: UInt64, headers: [Header]) throws(Violation) {
        guard stage == .awaitingHeader, size <= UInt64(Int.max) else { throw Violation() }
        self.headers = headers
        announced = size
        bodyStart = batch.bytes.count
        stage = .awaitingBody(missing: size)
        if size == 0 { complete() }
    }

    mutating func body(_ bytes: UnsafeRawBufferPointer) throws(Violation) {
        guard case .awaitingBody(let missing) = stage, bytes.count <= missing else { throw Violation() }
        let room = maximumBodyBytes - (batch.bytes.count - bodyStart)
        batch.bytes.append(contentsOf: bytes.prefix(max(room, 0)))
        stage = .awaitingBody(missing: missing - UInt64(bytes.count))
        if missing == bytes.count { complete() }
    }

    private mutating func complete() {
        batch.deliveries.append(
            Delivery(
                tag: tag, queue: queue, redelivered: redelivered, body: bodyStart..<batch.bytes.count,
                announcedSize: Int(announced), headers: headers))
        headers = []
        stage = .idle
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
        bodyStart -= end
        swap(&rest, &batch)
        rest.bytes.removeLast(rest.bytes.count - end)
        rest.deliveries.removeLast(rest.deliveries.count - taken)
        return rest
    }
}
