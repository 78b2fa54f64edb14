public import AMQP
import CRabbitMQ
import EventLoop
import Glibc

/// The RabbitMQ broker that the tests use, and what they need of it beyond the client under test.
///
/// Each call uses a connection of its own and waits on a thread of its own.
public actor TestBroker {
    /// An argument of a queue.
    public enum Argument: Sendable {
        case text(String)
        case number(Int64)
    }

    public struct Failure: Error {
        public let message: String
    }

    /// The value of `TEST_AMQP_URL`; tests of the broker are skipped without it.
    public static let url: String? = getenv("TEST_AMQP_URL").map { String(cString: $0) }
    public static let shared = TestBroker()

    private let thread: PollThread

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private init() {
        do {
            thread = try PollThread(name: "test-broker")
        } catch {
            fatalError("\(error)")
        }
    }

    deinit { thread.stop() }

    // MARK: settings

    /// The broker's address.
    public static func endpoint() throws -> AMQPEndpoint {
        guard let url, let endpoint = try AMQPEndpoint.parse(url).first else {
            throw Failure(message: "TEST_AMQP_URL is not set")
        }
        return endpoint
    }

    /// How to connect to it, by way of another port of this machine if one is given.
    public static func configuration(
        port: UInt16? = nil, heartbeat: Duration = .seconds(10)
    ) throws -> AMQPConfiguration {
        var endpoint = try endpoint()
        if let port { (endpoint.host, endpoint.port) = ("127.0.0.1", port) }
        return AMQPConfiguration(endpoints: [endpoint], connectionName: "tests", heartbeat: heartbeat)
    }

    /// A queue name that no other test uses.
    public static func uniqueName(_ purpose: String = "queue") -> String {
        "test.\(purpose).\(UInt64.random(in: 0...UInt64.max))"
    }

    /// Creates a durable queue, runs the body with its name and deletes the queue.
    public nonisolated(nonsending) static func withQueue<Result>(
        _ arguments: [String: Argument] = [:],
        _ body: nonisolated(nonsending) (_ name: String) async throws -> Result
    ) async throws -> Result {
        let name = uniqueName()
        try await shared.declare(name, arguments)
        do {
            let result = try await body(name)
            try await shared.delete(name)
            return result
        } catch {
            try? await shared.delete(name)
            throw error
        }
    }

    // MARK: queues

    public func declare(_ queue: String, _ arguments: [String: Argument] = [:]) throws {
        try withChannel { raw in
            let table = ArgumentTable(arguments)
            amqp_queue_declare(raw, 1, amqp_cstring_bytes(table.copy(queue)), 0, 1, 0, 0, table.value)
        }
    }

    public func delete(_ queue: String) throws {
        try withChannel { raw in
            _ = queue.withCString { amqp_queue_delete(raw, 1, amqp_cstring_bytes($0), 0, 0) }
        }
    }

    /// How many messages are ready in the queue; nil when there is no such queue.
    public func messageCount(_ queue: String) throws -> Int? {
        var count: Int?
        try? withChannel { raw in
            queue.withCString { name in
                let answer = amqp_queue_declare(raw, 1, amqp_cstring_bytes(name), 1, 0, 0, 0, amqp_table_t())
                count = answer.map { Int($0.pointee.message_count) }
            }
        }
        return count
    }

    /// Publishes one message with no properties.
    public func publish(_ body: [UInt8], to queue: String) throws {
        var body = body
        try withChannel { raw in
            body.withUnsafeMutableBytes { bytes in
                queue.withCString { name in
                    _ = amqp_basic_publish(
                        raw, 1, amqp_bytes_t(), amqp_cstring_bytes(name), 0, 0, nil,
                        amqp_bytes_t(len: bytes.count, bytes: bytes.baseAddress))
                }
            }
        }
    }

    /// The longest message that the broker takes, in bytes, if it is not longer than `size`. RabbitMQ 4 takes 16 MiB unless it
    /// is told otherwise, older ones 128 MiB; it says so to whom it refuses one.
    public func largestMessage(upTo size: Int) throws -> Int {
        var found = size
        try? withChannel { raw in
            let body = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
            body.initializeMemory(as: UInt8.self, repeating: 0)
            defer { body.deallocate() }
            // To no queue.
            amqp_basic_publish(
                raw, 1, amqp_bytes_t(), amqp_bytes_t(), 0, 0, nil, amqp_bytes_t(len: size, bytes: body.baseAddress))
            amqp_basic_qos(raw, 1, 0, 1, 0)
            let reply = amqp_get_rpc_reply(raw)
            guard reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION, reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD else {
                return
            }
            let close = reply.reply.decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            let text = String(
                decoding: UnsafeRawBufferPointer(start: close.reply_text.bytes, count: close.reply_text.len),
                as: UTF8.self)
            found = text.split(separator: " ").last.flatMap { Int($0) } ?? size
        }
        return found
    }

    private func withChannel(_ body: (OpaquePointer) -> Void) throws {
        let endpoint = try Self.endpoint()
        guard let raw = amqp_new_connection() else { throw Failure(message: "out of memory") }
        defer { amqp_destroy_connection(raw) }
        guard amqp_socket_open(amqp_tcp_socket_new(raw), endpoint.host, Int32(endpoint.port)) == 0 else {
            throw Failure(message: "cannot connect to \(endpoint)")
        }
        try check(
            candlepost_login(raw, endpoint.virtualHost, 131_072, 60, "test-broker", endpoint.user, endpoint.password))
        amqp_channel_open(raw, 1)
        try check(amqp_get_rpc_reply(raw))
        body(raw)
        try check(amqp_get_rpc_reply(raw))
        amqp_channel_close(raw, 1, 200)
        amqp_connection_close(raw, 200)
    }

    private func check(_ reply: amqp_rpc_reply_t) throws {
        guard reply.reply_type == AMQP_RESPONSE_NORMAL || reply.reply_type == AMQP_RESPONSE_NONE else {
            throw Failure(message: "the broker answered with type \(reply.reply_type), method \(reply.reply.id)")
        }
    }
}

/// The arguments of a queue in the library's form, with the memory that they point to.
private final class ArgumentTable {
    private var strings: [UnsafeMutablePointer<CChar>] = []
    private let entries: UnsafeMutablePointer<amqp_table_entry_t>
    private let count: Int

    init(_ arguments: [String: TestBroker.Argument]) {
        count = arguments.count
        entries = .allocate(capacity: max(count, 1))
        for (index, (name, argument)) in arguments.enumerated() {
            var entry = amqp_table_entry_t()
            entry.key = amqp_cstring_bytes(copy(name))
            switch argument {
            case .text(let text):
                entry.value.kind = UInt8(ascii: "S")
                entry.value.value.bytes = amqp_cstring_bytes(copy(text))
            case .number(let number):
                entry.value.kind = UInt8(ascii: "l")
                entry.value.value.i64 = number
            }
            (entries + index).initialize(to: entry)
        }
    }

    deinit {
        for string in strings { free(string) }
        entries.deallocate()
    }

    var value: amqp_table_t { amqp_table_t(num_entries: Int32(count), entries: entries) }

    func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
        strings.append(strdup(text))
        return strings[strings.count - 1]
    }
}
