/// One message that the broker delivered. Its bytes are in the ``DeliveryBatch`` it came with.
public struct Delivery: Sendable {
    /// What to give to ``AMQPConsumer/acknowledge(through:)``; rises by one with each delivery.
    public let tag: UInt64
    /// The index of its queue in the list that the consumer was connected with.
    public let queue: Int
    /// Whether the broker has sent it to somebody before.
    public let redelivered: Bool
    /// Where its body is in ``DeliveryBatch/bytes``.
    public internal(set) var body: Range<Int>
    /// The message's headers that are plain values: the first 32, each of at most 512 bytes, and `traceparent` and
    /// `x-delivery-count` wherever they stand.
    public let headers: [Header]

    /// A message: one that was delivered, or one that the program has from elsewhere.
    public init(tag: UInt64, queue: Int, redelivered: Bool = false, body: Range<Int>, headers: [Header] = []) {
        self.tag = tag
        self.queue = queue
        self.redelivered = redelivered
        self.body = body
        self.headers = headers
    }

    /// How often the broker has delivered it before without an acknowledgement, as far as it counts (quorum queues do).
    public var deliveryCount: Int { headers.first { $0.name == "x-delivery-count" }.flatMap { Int($0.value) } ?? 0 }

    /// The header `traceparent`; nil if it has none.
    public var traceParent: String? { headers.first { $0.name == "traceparent" }?.value }
}

/// A header of a message: its name and its value as text.
public struct Header: Sendable, Equatable {
    public let name: String
    /// Text as it is, numbers in decimal, `true` and `false`.
    public let value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Deliveries in the order of their arrival, with the bytes of all their bodies in one array.
public struct DeliveryBatch: Sendable {
    public internal(set) var bytes: [UInt8]
    public internal(set) var deliveries: [Delivery]
    /// When the first of them was read from the connection; nil for a batch that did not come by one.
    public internal(set) var firstArrival: ContinuousClock.Instant?

    /// - Parameter deliveries: their bodies lie in `bytes`.
    public init(bytes: [UInt8] = [], deliveries: [Delivery] = []) {
        self.bytes = bytes
        self.deliveries = deliveries
    }
}
