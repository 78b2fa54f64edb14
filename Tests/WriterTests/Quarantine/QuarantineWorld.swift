import AMQP
import Glibc
import Logging
import Postgres
import ProgramRuntime
import Records
import Schema
import TestSupport

@testable import Quarantine
@testable import Storing
@testable import Writer

/// A migrated database with the markets 1 to 100, and a store for it.
struct QuarantineWorld: Sendable {
    let database: TestDatabase
    let connection: PostgresConnection
    let store: RecordStore

    static func with(_ body: (QuarantineWorld) async throws -> Void) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            _ = try await Migrator(Migration.load(from: Migration.folder())).migrate(connection)
            try await connection.script(
                """
                INSERT INTO exchanges VALUES (1, 'binance', 'Binance');
                INSERT INTO markets (id, exchange_id, external_market_id, symbol)
                SELECT n, 1, 'M' || n, 'M' || n || '/USDT' FROM generate_series(1, 100) AS n;
                """)
            try await self.store(for: database) { store in
                try await body(QuarantineWorld(database: database, connection: connection, store: store))
            }
            await connection.close()
        }
    }

    /// A store that knows the markets that there are now.
    static func store(for database: TestDatabase, _ body: (RecordStore) async throws -> Void) async throws {
        let readiness = Readiness()
        readiness.declare(.postgres)
        let store = RecordStore(
            PostgresConfiguration(conninfo: database.url, applicationName: "tests"), writer: "tests",
            markets: KnownMarkets(), readiness: readiness,
            logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
        try await body(store)
        await store.close()
    }

    /// Decodes and stores as the writer does.
    @discardableResult
    func store(_ batch: DeliveryBatch, limit: Int = BadMessage.defaultLimit) async throws -> StoreResult {
        var prepared = PreparedBatch(bytes: batch.bytes)
        for delivery in batch.deliveries {
            prepared.add(
                body: delivery.body, kind: delivery.queue, headers: delivery.headers.map { ($0.name, $0.value) },
                maximumBytes: limit)
        }
        return try await store.store(prepared)
    }

    /// Tries everything in quarantine again.
    func retry(
        limit: Int = BadMessage.defaultLimit, partBytes: Int = 8 << 20
    ) async throws -> QuarantineRetry.Outcome {
        let rows = try await connection.execute("SELECT id FROM quarantine ORDER BY id")
        let retry = QuarantineRetry(
            connection: connection, maximumMessageBytes: limit, act: "requeued", actedBy: "somebody", why: "because",
            partBytes: partBytes)
        return try await retry.run((0..<rows.count).map { rows.int8($0, 0) })
    }

    func number(_ sql: String) async throws -> Int { Int(try await connection.execute(sql).int8(0, 0)) }

    func text(_ sql: String) async throws -> String { try await connection.execute(sql).text(0, 0) }

    /// Whether the sums of the writer's ledger are those of the tables.
    func booksBalance() async throws -> Bool {
        try await connection.execute(
            """
            SELECT sum(received) = sum(stored) + sum(duplicate) + sum(quarantined)
               AND sum(stored) = (SELECT count(*) FROM outbox)
               AND sum(quarantined) = (SELECT count(*) FROM quarantine WHERE resolved_at IS NULL)
               AND sum(duplicate_other) = (SELECT count(*) FROM conflicting_duplicates) FROM ingest_batches
            """
        ).bool(0, 0)
    }
}

extension Rows {
    /// Whether a `bytea` holds these bytes. Fast for long ones in a debug build, too.
    func has(_ body: [UInt8], _ row: Int, _ column: Int) -> Bool {
        bytes(row, column).withUnsafeBytes { stored in
            stored.count == body.count && (body.isEmpty || memcmp(stored.baseAddress!, body, body.count) == 0)
        }
    }
}

extension DeliveryBatch {
    mutating func add(_ body: [UInt8], _ kind: RecordKind = .candleStick, headers: [Header] = []) {
        let start = bytes.count
        self = DeliveryBatch(
            bytes: bytes + body,
            deliveries: deliveries + [
                Delivery(
                    tag: UInt64(deliveries.count + 1), queue: RecordKind.all.firstIndex { $0.name == kind.name }!,
                    body: start..<start + body.count, headers: headers)
            ])
    }
}

/// A candle message without candles, its start so many milliseconds after ``Messages/epoch``.
func emptyCandle(market: Int, start: Int = 0, extra: String = "", trace: String = "null") -> [UInt8] {
    let start = Int(Messages.epoch) * 60_000 + start
    return Array(
        """
        {"exchange":"binance","symbol":"A/B","payload":{"charts":[],"intervalStart":\(start),"intervalEnd":\(start + 1),\
        "marketId":\(market)\(extra)},"collectorTraceId":\(trace)}
        """.utf8)
}
