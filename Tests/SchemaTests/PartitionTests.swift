import Postgres
import TestSupport
import Testing

@Suite("Partitions of the outbox", .timeLimit(.minutes(10)))
struct PartitionTests {
    private static let insert = """
        INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
        VALUES (0, 'Trade', 1, 'epoch', 'epoch', '')
        """

    private func make(_ connection: PostgresConnection, ahead: Int64, width: Int64) async throws -> Int32 {
        try await connection.execute("SELECT outbox_make_partitions($1, $2)", [.int8(ahead), .int8(width)]).int4(0, 0)
    }

    /// The bounds of the partitions, in the order in which they were made.
    private func partitions(_ connection: PostgresConnection) async throws -> [String] {
        let rows = try await connection.execute(
            """
            SELECT pg_get_expr(relpartbound, c.oid) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = 'outbox'::regclass ORDER BY c.oid
            """)
        return (0..<rows.count).map { rows.text($0, 0) }
    }

    @Test func aNewSchemaHasRoomForTenMillionRows() async throws {
        try await withMigratedDatabase { _, connection in
            let made = try await partitions(connection)
            #expect(made == ["FOR VALUES FROM ('1') TO ('5000001')", "FOR VALUES FROM ('5000001') TO ('10000001')"])
            #expect(try await connection.execute("SELECT outbox_make_partitions()").int4(0, 0) == 0)
        }
    }

    @Test func moreAreMadeBeforeTheyAreNeeded() async throws {
        try await withMigratedDatabase { _, connection in
            _ = try await connection.execute("SELECT setval('outbox_id_seq', 9999999)")
            #expect(try await make(connection, ahead: 100, width: 40) == 3)
            #expect(try await make(connection, ahead: 100, width: 40) == 0)
            let last = try await partitions(connection).last
            #expect(last == "FOR VALUES FROM ('10000081') TO ('10000121')")
            for _ in 0..<50 { _ = try await connection.execute(Self.insert) }
            #expect(try await connection.number("SELECT count(DISTINCT tableoid) FROM outbox") == 3)
            let indexes = try await connection.number(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'outbox_pkey'::regclass")
            #expect(indexes == 5)
        }
    }

    /// A writer's open transaction does not hold up the making, nor is it held up by it.
    @Test func theyAreMadeBesideAnOpenTransactionThatWrites() async throws {
        try await withMigratedDatabase { database, writer in
            try await writer.script("BEGIN")
            _ = try await writer.execute(Self.insert)
            let maker = try await database.connect(parameters: ["lock_timeout": "3s"])
            #expect(try await make(maker, ahead: 20_000_000, width: 5_000_000) == 2)
            _ = try await writer.execute(Self.insert)
            try await writer.script("COMMIT")
            #expect(try await writer.number("SELECT count(*) FROM outbox") == 2)
        }
    }

    @Test func writersAndReadersGoOnWhileTheyAreMade() async throws {
        try await withMigratedDatabase { database, connection in
            let maker = try await database.connect()
            try await maker.script("BEGIN")
            #expect(try await make(maker, ahead: 20_000_000, width: 5_000_000) == 2)
            try await connection.script("SET lock_timeout = '3s'")
            _ = try await connection.execute(Self.insert)
            #expect(try await connection.number("SELECT count(*) FROM outbox WHERE lane = 0 AND id > 0") == 1)
            try await maker.script("COMMIT")
            _ = try await connection.execute(Self.insert)
        }
    }

    @Test func twoThatMakeThemAtOnceMakeThemOnce() async throws {
        try await withMigratedDatabase { database, connection in
            let made = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<2 {
                    let maker = try await database.connect()
                    group.addTask { try await self.make(maker, ahead: 20_000_000, width: 5_000_000) }
                }
                return try await group.reduce(0, +)
            }
            #expect(made == 2)
        }
    }
}
