public import Postgres
import Schema

/// Runs `body` with a database of its own that has the whole schema, one exchange and the markets 1 to 40.
public func withMigratedDatabase<R: Sendable>(
    _ body: (TestDatabase, PostgresConnection) async throws -> R
) async throws -> R {
    try await withTestDatabase { database in
        let connection = try await database.connect()
        _ = try await Migrator(Migration.load(from: Migration.folder())).migrate(connection)
        try await connection.script(
            """
            INSERT INTO exchanges VALUES (1, 'binance', 'Binance');
            INSERT INTO markets (id, exchange_id, external_market_id, symbol)
            SELECT n, 1, 'M' || n, 'M' || n || '/USDT' FROM generate_series(1, 40) AS n;
            """)
        return try await body(database, connection)
    }
}

extension PostgresConnection {
    /// The number that a query with one `bigint` answers with.
    public func number(_ sql: String, _ parameters: [Parameter] = []) async throws(PostgresError) -> Int64 {
        try await execute(sql, parameters).int8(0, 0)
    }

    /// Asks until a query with one `boolean` answers with true. The test's time limit bounds it.
    public func waitUntil(_ sql: String, _ parameters: [Parameter] = []) async throws {
        while try await !execute(sql, parameters).bool(0, 0) { await Task.yield() }
    }
}
