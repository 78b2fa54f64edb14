import Logging
import Postgres
import TestSupport
import Testing

@Suite("A pooler in between", .enabled(if: TestPooler.isThere), .timeLimit(.minutes(2)))
struct PoolerTests {
    private func connect(
        _ pooler: TestPooler, parameters: [String: String] = [:]
    ) async throws -> PostgresConnection {
        try await PostgresConnection.connect(
            PostgresConfiguration(conninfo: pooler.url, applicationName: "tests", parameters: parameters),
            logger: Logger(label: "tests"))
    }

    @Test(arguments: [TestPooler.Mode.transaction, .statement], [true, false])
    func oneThatSharesSessionsIsRefused(mode: TestPooler.Mode, dropsOptions: Bool) async throws {
        try await withTestDatabase { database in
            try await TestPooler.with(database, mode, dropsOptions: dropsOptions) { pooler in
                let error = await #expect(throws: PostgresError.self) { try await connect(pooler) }
                #expect(
                    error?.message.contains("shares sessions among clients") == true, "\(String(describing: error))")
            }
        }
    }

    /// Also while others are at work, and with a single session.
    @Test(arguments: [1, 2]) func aSmallPoolIsRefused(size: Int) async throws {
        try await withTestDatabase { database in
            try await TestPooler.with(database, .transaction, size: size) { pooler in
                await #expect(throws: PostgresError.self) { try await connect(pooler) }
            }
        }
    }

    @Test(arguments: [true, false], [1, 20])
    func sessionModeIsAsGoodAsNone(dropsOptions: Bool, size: Int) async throws {
        try await withTestDatabase { database in
            try await TestPooler.with(database, .session, dropsOptions: dropsOptions, size: size) { pooler in
                let connection = try await connect(pooler, parameters: ["application_name": "named", "jit": "off"])
                let settings = try await connection.execute(
                    """
                    SELECT current_setting('statement_timeout'), current_setting('jit'),
                           current_setting('default_transaction_isolation')
                    """)
                #expect(settings.text(0, 0) == "30s" && settings.text(0, 1) == "off")
                #expect(settings.text(0, 2) == "read committed")
                _ = try await connection.execute(Statement("SELECT 1", name: "one"))
                _ = try await connection.execute(Statement("SELECT 1", name: "one"))
                await connection.close()
            }
        }
    }
}
