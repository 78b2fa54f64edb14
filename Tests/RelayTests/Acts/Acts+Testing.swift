import AMQP
import ArgumentParser
import Logging
import Postgres
import Records
import Synchronization
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

/// A message as it came out of a queue.
struct Arrival: Equatable {
    let body: String
    let headers: [String: String]

    /// The bodies, and with them the order.
    static func bodies(_ count: Int, of queue: String) async throws -> [String] {
        try await read(count, of: queue).map(\.body)
    }

    /// Takes as many messages out of the queue.
    static func read(_ count: Int, of queue: String) async throws -> [Arrival] {
        let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        let consumer = try await AMQPConsumer.connect(
            TestBroker.configuration(), queues: [QueueDeclaration(name: queue)], prefetch: 100, logger: quiet)
        var arrivals: [Arrival] = []
        while arrivals.count < count {
            let batch = try #require(try await consumer.nextBatch(limit: 100, delay: .zero))
            for delivery in batch.deliveries {
                let headers = delivery.headers.map { ($0.name, $0.value) }
                arrivals.append(
                    Arrival(
                        body: String(decoding: batch.bytes[delivery.body], as: UTF8.self),
                        headers: Dictionary(uniqueKeysWithValues: headers)))
                await consumer.acknowledge(through: delivery.tag)
            }
        }
        await consumer.close()
        return arrivals
    }
}

/// What an act tells its operator, and a bell for it.
final class Notices: Sendable {
    private let lines = Mutex<[String]>([])
    private let react: @Sendable (String) -> Void

    init(_ react: @escaping @Sendable (String) -> Void = { _ in }) { self.react = react }

    func add(_ line: String) {
        lines.withLock { $0.append(line) }
        react(line)
    }

    var all: [String] { lines.withLock { $0 } }
}

extension Republisher {
    static func test(
        _ queue: String, interruption: Interruption = Interruption(), notices: Notices = Notices()
    ) async throws -> Republisher {
        try await Republisher(
            TestBroker.configuration(), queue: QueueDeclaration(name: queue, type: .classic),
            interruption: interruption, say: { notices.add($0) })
    }
}

extension LimitedFilter {
    /// As a command line has them.
    static func of(_ words: String...) throws -> LimitedFilter { try LimitedFilter.parse(words) }
}

extension PostgresConnection {
    /// Adds rows to the log, the markets in turn, with bodies `1`, `2`, … after their ids.
    func logNumbered(_ count: Int, markets: [Int32] = [1], kind: String = "CandleStick") async throws {
        for index in 0..<count {
            let market = markets[index % markets.count]
            _ = try await execute(
                """
                INSERT INTO outbox (id, lane, record_type, market_id, interval_start, interval_end, trace_id, body)
                SELECT n, $1, $2, $3, 'epoch', 'epoch'::timestamptz + make_interval(mins => n::int), 'trace ' || n, n
                FROM nextval('outbox_id_seq') AS n
                """, [.int2(Int16(Lane.of(market: market))), .text(kind), .int4(market)])
        }
    }

    /// All rows up to this id are published; of each lane in an entry of its own.
    func deliverAll(upTo id: Int64 = .max) async throws {
        _ = try await execute(
            """
            INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay)
            SELECT lane, 0, max(id), count(*), 'before' FROM outbox WHERE id <= $1 GROUP BY lane
            """, [.int8(id)])
    }

    /// The values of a query with one `text` column.
    func texts(_ sql: String) async throws -> [String] {
        let rows = try await execute(sql)
        return (0..<rows.count).map { rows.text($0, 0) }
    }
}
