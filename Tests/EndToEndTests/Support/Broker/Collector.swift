import CRabbitMQ
import EventLoop
import Glibc
import Records
import Synchronization

/// Publishes as collectors do: into durable queues, without properties or headers, and awaits the broker's confirms.
///
/// While the broker is away it waits and connects again; what was not confirmed then is published once more.
actor Collector {
    /// What it sends beside the bodies.
    enum Headers: Equatable, Sendable {
        case none
        case traceparent(String)
        case hostile
    }

    private static let window = 100

    private let host: VirtualHost
    private nonisolated let thread: PollThread
    private var connection: Connection?
    private var declaresQueues = true
    private nonisolated let confirmed = Atomic<Int>(0)

    /// Everything that was confirmed, in the order of publishing.
    private(set) var sent: [Message] = []
    /// When each of them was published.
    private(set) var sentAt: [ContinuousClock.Instant] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ host: VirtualHost) throws {
        self.host = host
        thread = try PollThread(name: "collector")
    }

    deinit { thread.stop() }

    /// How many messages are confirmed. Never waits.
    nonisolated var confirmedCount: Int { confirmed.load(ordering: .relaxed) }

    /// From now on it takes the queues as they are: they are of a type that it would not have made.
    func expectQueues() { declaresQueues = false }

    /// Publishes the messages in order and returns when all are confirmed.
    /// - Parameters:
    ///   - rate: how many a second; nil for as fast as the broker takes them.
    ///   - headers: for each of them.
    ///   - limit: for how long it tries.
    func publish(
        _ messages: [Message], rate: Int? = nil, headers: Headers = .none, within limit: Duration = .seconds(120)
    ) throws {
        let start = ContinuousClock.now
        let end = start + limit
        var rest = messages[...]
        var firstTry: ContinuousClock.Instant?
        while !rest.isEmpty {
            let window = rest.prefix(rate.map { max(1, min(Self.window, $0 / 50)) } ?? Self.window)
            do {
                let moment = firstTry ?? .now
                firstTry = moment
                try publishWindow(window, headers)
                sent += window
                sentAt += Array(repeating: moment, count: window.count)
                firstTry = nil
                confirmed.add(window.count, ordering: .relaxed)
                rest = rest.dropFirst(window.count)
                if let rate { keepPace(start + .seconds(1) * Double(messages.count - rest.count) / Double(rate)) }
            } catch {
                connection = nil
                guard .now < end else { throw error }
                usleep(50_000)  // its own thread: nobody else waits
            }
        }
    }

    /// Blocks its own thread, which nobody else waits for.
    private func keepPace(_ moment: ContinuousClock.Instant) {
        let wait = moment - .now
        if wait > .zero { usleep(UInt32(wait / .microseconds(1))) }
    }

    private func publishWindow(_ messages: ArraySlice<Message>, _ headers: Headers) throws {
        let connection = try connection ?? Connection(host, declaresQueues)
        self.connection = connection
        for message in messages { try connection.publish(message, headers) }
        try connection.awaitConfirms()
    }

    // MARK: the connection

    /// A connection with confirms, and the messages that are not confirmed.
    private final class Connection {
        private let link: RawConnection
        private var open: Set<UInt64> = []
        private var lastTag: UInt64 = 0

        init(_ host: VirtualHost, _ declaresQueues: Bool) throws {
            link = try RawConnection.open(host.endpoint)
            for kind in RecordKind.all where declaresQueues {
                withAMQPBytes(kind.queue) {
                    _ = amqp_queue_declare(
                        link.raw, RawConnection.channel, $0, Cluster.isThere ? 1 : 0, 1, 0, 0, amqp_table_t())
                }
                try link.checkReply("declaring \(kind.queue)")
            }
            amqp_confirm_select(link.raw, RawConnection.channel)
            try link.checkReply("asking for confirms")
        }

        func publish(_ message: Message, _ headers: Headers) throws {
            var properties = amqp_basic_properties_t()
            // As a collector of ours would: a broker that is killed keeps only what is persistent.
            properties._flags = UInt32(AMQP_BASIC_DELIVERY_MODE_FLAG)
            properties.delivery_mode = 2
            let status = headers.add(to: &properties) { properties in
                withAMQPBytes(message.queue) { queue in
                    var body = message.body
                    return body.withUnsafeMutableBytes {
                        amqp_basic_publish(
                            link.raw, RawConnection.channel, amqp_bytes_t(), queue, 0, 0, &properties,
                            amqp_bytes_t(len: $0.count, bytes: $0.baseAddress))
                    }
                }
            }
            guard status == AMQP_STATUS_OK.rawValue else { throw RawConnection.failure(status, "publishing") }
            lastTag += 1
            open.insert(lastTag)
        }

        func awaitConfirms() throws {
            while !open.isEmpty {
                amqp_maybe_release_buffers(link.raw)
                var frame = amqp_frame_t()
                var limit = timeval(tv_sec: 10, tv_usec: 0)
                let status = amqp_simple_wait_frame_noblock(link.raw, &frame, &limit)
                guard status == AMQP_STATUS_OK.rawValue else { throw RawConnection.failure(status, "confirms") }
                guard frame.frame_type == UInt8(AMQP_FRAME_METHOD) else { continue }
                try settle(frame.payload.method)
            }
        }

        private func settle(_ method: amqp_method_t) throws {
            guard method.id == AMQP_BASIC_ACK_METHOD else {
                throw BrokerFailure(description: "the broker answered with method \(method.id)")
            }
            let ack = method.decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            if ack.multiple != 0 {
                open = open.filter { $0 > ack.delivery_tag }
            } else {
                open.remove(ack.delivery_tag)
            }
        }
    }
}
