import CRabbitMQ
import Dispatch
import Glibc
import Synchronization

/// Consumes the output queue as the gateway does, whatever happens to the broker, and remembers every delivery in order.
///
/// It never creates the queue: while there is none, it looks again and again.
final class Gateway: Sendable {
    private struct State {
        var deliveries: [Announcement] = []
        var receivedAt: [ContinuousClock.Instant] = []
        var ids: Set<Int64> = []
        var isPaused = false
        var isStopping = false
        var isAbandoned = false
        var isRunning = false
        var isSlow = false
    }

    /// How many messages it may hold unacknowledged: what a broken connection can repeat.
    static let prefetch = 100

    private let host: VirtualHost
    private let state = Mutex(State())

    init(_ host: VirtualHost) { self.host = host }

    /// Begins to consume.
    func start() {
        state.withLock { $0.isRunning = true }
        DispatchQueue(label: "gateway").async { self.run() }
    }

    /// Ends when the queue is empty and everything is acknowledged.
    func stop() async throws {
        state.withLock { $0.isStopping = true }
        try await eventually("the gateway stops") { !state.withLock { $0.isRunning } }
    }

    /// Ends at once, if it was started at all.
    func abandon() async throws {
        state.withLock { ($0.isStopping, $0.isAbandoned) = (true, true) }
        try await eventually("the gateway ends") { !state.withLock { $0.isRunning } }
    }

    /// Takes nothing, and keeps its connection, until it goes on.
    func pause() { state.withLock { $0.isPaused = true } }
    func goOn() { state.withLock { $0.isPaused = false } }
    /// Takes a hundred a second at most, or as many as there are.
    func slowDown(_ isSlow: Bool) { state.withLock { $0.isSlow = isSlow } }

    /// All deliveries, in order.
    var deliveries: [Announcement] { state.withLock { $0.deliveries } }
    /// When each of them came.
    var receivedAt: [ContinuousClock.Instant] { state.withLock { $0.receivedAt } }
    /// How many came, repetitions included.
    var count: Int { state.withLock { $0.deliveries.count } }
    /// How many different messages came.
    var distinctCount: Int { state.withLock { $0.ids.count } }

    // MARK: the thread

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func run() {
        while !isStopping {
            do {
                let connection = try RawConnection.open(host.endpoint)
                try consume(connection)
                connection.close()
            } catch {
                usleep(20_000)  // its own thread: nobody else waits
            }
        }
        state.withLock { $0.isRunning = false }
    }

    private func consume(_ connection: borrowing RawConnection) throws {
        try withAMQPBytes(VirtualHost.outputQueue) { queue in
            amqp_queue_declare(connection.raw, RawConnection.channel, queue, 1, 0, 0, 0, amqp_table_t())
            try connection.checkReply("looking for the output queue")
            amqp_basic_qos(connection.raw, RawConnection.channel, 0, UInt16(Self.prefetch), 0)
            amqp_basic_consume(
                connection.raw, RawConnection.channel, queue, amqp_bytes_t(), 0, 0, 1, amqp_table_t())
            try connection.checkReply("consuming")
        }
        while try !(receive(connection) && isStopping), !state.withLock({ $0.isAbandoned }) {}
    }

    /// Takes one message.
    /// - Returns: whether there was none.
    private func receive(_ connection: borrowing RawConnection) throws -> Bool {
        if state.withLock({ $0.isPaused && !$0.isAbandoned }) {
            usleep(20_000)  // its own thread: nobody else waits
            return true
        }
        if state.withLock({ $0.isSlow }) { usleep(10_000) }
        amqp_maybe_release_buffers(connection.raw)
        var envelope = amqp_envelope_t()
        var limit = timeval(tv_sec: 0, tv_usec: 100_000)
        let reply = amqp_consume_message(connection.raw, &envelope, &limit, 0)
        if reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION
            && reply.library_error == AMQP_STATUS_TIMEOUT.rawValue
        {
            return true
        }
        try RawConnection.check(reply, "receiving")
        defer { amqp_destroy_envelope(&envelope) }
        let announcement = Announcement(envelope)
        state.withLock { state in
            state.deliveries.append(announcement)
            state.receivedAt.append(.now)
            state.ids.insert(announcement.id)
        }
        let status = amqp_basic_ack(connection.raw, RawConnection.channel, envelope.delivery_tag, 0)
        guard status == AMQP_STATUS_OK.rawValue else { throw RawConnection.failure(status, "acknowledging") }
        return false
    }
}
