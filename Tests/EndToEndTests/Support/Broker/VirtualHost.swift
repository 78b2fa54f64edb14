import AMQP
import CRabbitMQ
import EventLoop
import Glibc
import Records
import TestSupport

/// A virtual host of one test, and the queues in it.
actor VirtualHost {
    static let outputQueue = "ws.pricing-notifications"

    nonisolated let name: String
    /// How to get there.
    nonisolated let endpoint: AMQPEndpoint
    private nonisolated let thread: PollThread

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Parameter node: by which node of a cluster it is reached, from 0 on.
    init(_ name: String, node: Int = 0) throws {
        self.name = name
        var endpoint = try AMQPEndpoint.parse(TestEnvironment.value(of: "TEST_AMQP_URL"))[node]
        endpoint.virtualHost = name
        self.endpoint = endpoint
        thread = try PollThread(name: name)
    }

    deinit { thread.stop() }

    /// The value of `AMQP_URL` for the programs.
    nonisolated var url: String { url(of: endpoint.user) }

    /// The same for another user. Of `least-writer` and `least-relay` the password is the same.
    nonisolated func url(of user: String) -> String {
        "amqp://\(user):\(endpoint.password)@\(endpoint.host):\(endpoint.port)/\(name)"
    }

    /// Creates every queue that Candlepost uses.
    func declareAll() throws {
        try withConnection { connection in
            for queue in RecordKind.all.map(\.queue) + [Self.outputQueue] {
                var none: [amqp_table_entry_t] = []
                declare(queue, &none, connection)
                try connection.checkReply("declaring \(queue)")
            }
        }
    }

    /// Deletes every queue that Candlepost uses.
    func clear() throws {
        for queue in RecordKind.all.map(\.queue) + [Self.outputQueue] { try delete(queue) }
    }

    func delete(_ queue: String) throws {
        try withConnection { connection in
            withAMQPBytes(queue) { _ = amqp_queue_delete(connection.raw, RawConnection.channel, $0, 0, 0) }
            try connection.checkReply("deleting \(queue)")
        }
    }

    /// Creates a durable queue that refuses what is beyond its length, or drops its oldest messages then.
    func declare(_ queue: String, refusingBeyond length: Int64, overflow: String = "reject-publish") throws {
        try withConnection { connection in
            withAMQPBytes("x-max-length") { maximum in
                withAMQPBytes("x-overflow") { behaviour in
                    withAMQPBytes(overflow) { reject in
                        var entries = [amqp_table_entry_t(), amqp_table_entry_t()]
                        (entries[0].key, entries[0].value.kind) = (maximum, UInt8(ascii: "l"))
                        entries[0].value.value.i64 = length
                        (entries[1].key, entries[1].value.kind) = (behaviour, UInt8(ascii: "S"))
                        entries[1].value.value.bytes = reject
                        declare(queue, &entries, connection)
                    }
                }
            }
            try connection.checkReply("declaring \(queue)")
        }
    }

    /// Creates a quorum queue.
    /// - Parameters:
    ///   - limit: after how many returns it drops a message; nil for what the broker makes of that.
    ///   - deadLettersTo: the queue that gets what it drops.
    ///   - timeToLive: of its messages, in milliseconds.
    ///   - copies: on how many nodes it is, this host's first; nil for all.
    func declareQuorum(
        _ queue: String, limit: Int64? = nil, deadLettersTo deadLetters: String? = nil, timeToLive: Int64? = nil,
        copies: Int64? = nil
    ) throws {
        let texts = [
            ("x-queue-type", "quorum"), deadLetters.map { _ in ("x-dead-letter-exchange", "") },
            deadLetters.map { ("x-dead-letter-routing-key", $0) },
        ].compactMap(\.self)
        let numbers = [
            limit.map { ("x-delivery-limit", $0) }, timeToLive.map { ("x-message-ttl", $0) },
            copies.map { ("x-quorum-initial-group-size", $0) },
        ].compactMap(\.self)
        try withConnection { connection in
            var memory: [UnsafeMutablePointer<CChar>] = []
            defer { for text in memory { free(text) } }
            func bytes(_ text: String) -> amqp_bytes_t {
                memory.append(strdup(text))
                return amqp_cstring_bytes(memory[memory.count - 1])
            }
            var entries: [amqp_table_entry_t] = []
            for (name, text) in texts {
                var entry = amqp_table_entry_t(key: bytes(name), value: amqp_field_value_t())
                entry.value.kind = UInt8(ascii: "S")
                entry.value.value.bytes = bytes(text)
                entries.append(entry)
            }
            for (name, number) in numbers {
                var entry = amqp_table_entry_t(key: bytes(name), value: amqp_field_value_t())
                entry.value.kind = UInt8(ascii: "l")
                entry.value.value.i64 = number
                entries.append(entry)
            }
            declare(queue, &entries, connection)
            try connection.checkReply("declaring \(queue)")
        }
    }

    /// Publishes one message, without a confirm.
    func publish(_ text: String, to queue: String) throws {
        try withConnection { connection in
            withAMQPBytes(queue) { name in
                withAMQPBytes(text) { body in
                    _ = amqp_basic_publish(
                        connection.raw, RawConnection.channel, amqp_bytes_t(), name, 0, 0, nil, body)
                }
            }
        }
    }

    private func declare(
        _ queue: String, _ arguments: inout [amqp_table_entry_t], _ connection: borrowing RawConnection
    ) {
        arguments.withUnsafeMutableBufferPointer { entries in
            let table = amqp_table_t(num_entries: Int32(entries.count), entries: entries.baseAddress)
            withAMQPBytes(queue) {
                _ = amqp_queue_declare(connection.raw, RawConnection.channel, $0, 0, 1, 0, 0, table)
            }
        }
    }

    /// How many messages are ready in the queue; nil when there is no such queue.
    func count(_ queue: String) throws -> Int? {
        try withConnection { connection -> Int? in
            let answer = withAMQPBytes(queue) {
                amqp_queue_declare(connection.raw, RawConnection.channel, $0, 1, 0, 0, 0, amqp_table_t())
            }
            do {
                try connection.checkReply("looking at \(queue)")
                return answer.map { Int($0.pointee.message_count) }
            } catch let error as BrokerFailure where error.channelCode == 404 {
                return nil
            }
        }
    }

    /// How many messages are ready in the collectors' queues together.
    func countInput() throws -> Int {
        try RecordKind.all.reduce(0) { try $0 + (count($1.queue) ?? 0) }
    }

    private func withConnection<R>(_ body: (borrowing RawConnection) throws -> R) throws -> R {
        let connection = try RawConnection.open(endpoint)
        let result = try body(connection)
        connection.close()
        return result
    }
}
