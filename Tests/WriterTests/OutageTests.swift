import Postgres
import Records
import Schema
import TestSupport
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite("Several writers, and a database that goes away", .timeLimit(.minutes(10)))
struct OutageTests {
    private static let isWaitingForALane = """
        SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        """

    /// Replicas of collectors, or a redelivery to another writer: the same records come to both at the same time.
    @Test func twoStoresWithTheSameRecordsInOtherOrders() async throws {
        try await withMigratedDatabase { database, connection in
            let bodies = (0..<120).flatMap { (number: Int) -> [(Int, String)] in
                let market = Int32(number % 37 + 1)
                return Array(Messages.ofEachKind(market: market, start: Int64(number)).enumerated())
                    .map { ($0.offset, $0.element) }
            }
            var random = SeededGenerator(state: 7)
            let orders = (0..<2).map { _ in bodies.shuffled(using: &random) }
            let results = try await withThrowingTaskGroup(of: StoreResult.self) { group in
                for (writer, order) in orders.enumerated() {
                    let store = RecordStore.make(database, writer: "writer \(writer)")
                    group.addTask { try await Self.store(order, by: store) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.reduce(0) { $0 + $1.storedCount } == 600)
            #expect(results.reduce(0) { $0 + $1.duplicateCount } == 600)
            #expect(results.allSatisfy { $0.duplicateOtherCount == 0 && $0.quarantinedCount == 0 })
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 600)
            let distinct = try await connection.number(
                "SELECT count(DISTINCT (record_type, market_id, interval_start)) FROM outbox")
            #expect(distinct == 600)
            let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            #expect(try await connection.number(deadlocks) == 0)
        }
    }

    private static func store(_ bodies: [(Int, String)], by store: RecordStore) async throws -> StoreResult {
        var sum = StoreResult()
        for start in stride(from: 0, to: bodies.count, by: 60) {
            var messages = Messages()
            for (kind, body) in bodies[start..<start + 60] { messages.add(body, kind: kind) }
            sum += try await store.store(messages)
        }
        await store.close()
        return sum
    }

    @Test func aSessionThatIsEndedInMidTransactionIsTriedAgain() async throws {
        try await withMigratedDatabase { database, connection in
            let lane = Int32(Lane.of(market: 1))
            let lock = [Parameter.int4(AdvisoryLock.writerLane), .int4(lane)]
            _ = try await connection.execute("SELECT pg_advisory_lock($1, $2)", lock)
            let store = RecordStore.make(database)
            let storing = Task { try await store.store(Messages([Messages.candle(), Messages.candle(start: 1), "x"])) }
            for _ in 0..<2 {
                try await connection.waitUntil(Self.isWaitingForALane)
                #expect(try await connection.number("SELECT count(*) FROM candle_sticks") == 0)
                let ended = try await connection.execute(
                    """
                    SELECT pid, pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    """)
                #expect(ended.count == 1)
                try await connection.waitUntil(
                    "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", [.int4(ended.int4(0, 0))])
            }
            try await connection.waitUntil(Self.isWaitingForALane)
            _ = try await connection.execute("SELECT pg_advisory_unlock($1, $2)", lock)
            let result = try await storing.value
            #expect(result.stored[0] == 2 && result.quarantinedCount == 1 && result.duplicateCount == 0)
            #expect(try await connection.number("SELECT count(*) FROM candle_sticks") == 2)
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 2)
            #expect(try await connection.number("SELECT sum(received) FROM ingest_batches") == 3)
        }
    }

    /// Whoever gives up must be able to end the program.
    @Test func cancellationEndsTheWaitForADatabaseThatIsAway() async throws {
        let database = try await TestDatabase.create()
        try await database.drop()
        let storing = Task { try await RecordStore.make(database).store(Messages([Messages.candle()])) }
        storing.cancel()
        await #expect(throws: CancellationError.self) { try await storing.value }
    }

    @Test func aSchemaThatComesLaterIsWaitedFor() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let store = RecordStore.make(database)
            let preparing = Task { try await store.ensureConnected() }
            _ = try await Migrator(Migration.load(from: Migration.folder())).migrate(connection)
            try await preparing.value
        }
    }

    /// A market that was imported while the writer runs is looked up when a message names it.
    @Test func newMarketsAreLookedUp() async throws {
        try await withMigratedDatabase { _, connection in
            let markets = KnownMarkets()
            #expect(!markets.contains(1))
            try await markets.reload(connection)
            #expect(markets.contains(1) && markets.contains(40) && !markets.contains(99) && markets.count == 40)
            try await connection.script(
                "INSERT INTO markets (id, exchange_id, external_market_id, symbol) VALUES (99, 1, '', '')")
            try await markets.lookUp([1, 99, 98], connection)
            #expect(markets.contains(99) && !markets.contains(98) && markets.count == 41)
        }
    }

    @Test func anImportAddsAndChangesAndLeavesTheRest() async throws {
        try await withMigratedDatabase { _, connection in
            let entry = { (id: Int32, symbol: String) in
                MarketEntry(id: id, externalMarketId: "M\(id)", symbol: symbol, base: nil, quote: nil, active: nil)
            }
            let file = [
                ExchangeEntry(
                    id: 1, externalExchangeId: "binance", name: "Binance",
                    markets: [entry(1, "M1/USDT"), entry(2, "new")]),
                ExchangeEntry(id: 2, externalExchangeId: "kraken", name: "Kraken", markets: [entry(100, "X")]),
            ]
            let first = try await MarketsImport(file).run(connection)
            #expect(first == (1, 2))
            let second = try await MarketsImport(file).run(connection)
            #expect(second == (0, 0))
            #expect(
                try await connection.texts("SELECT symbol FROM markets WHERE id IN (2, 100) ORDER BY id") == [
                    "new", "X",
                ])
            #expect(try await connection.number("SELECT count(*) FROM markets") == 41)
        }
    }
}
