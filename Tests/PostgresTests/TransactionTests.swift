import Postgres
import TestSupport
import Testing

@Suite("Transactions on a real server")
struct TransactionTests {
    private func withTable(_ body: (PostgresConnection, TestDatabase) async throws -> Void) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            try await connection.script("CREATE TABLE t (a int4 UNIQUE DEFERRABLE INITIALLY DEFERRED); SELECT 1")
            try await body(connection, database)
        }
    }

    private func count(_ connection: PostgresConnection) async throws -> Int64 {
        try await connection.execute("SELECT count(*) FROM t").int8(0, 0)
    }

    @Test func anErrorInTheMiddleRollsBackAndLeavesTheConnectionUsable() async throws {
        try await withTable { connection, database in
            let error = try await #require(throws: PostgresError.self) {
                try await connection.pipeline([
                    Statement("BEGIN"), Statement("INSERT INTO t VALUES (1)"),
                    Statement("INSERT INTO t SELECT 1 / $1", name: "divide", [.int4(0)]), Statement("COMMIT"),
                ])
            }
            #expect(error.sqlstate == "22012")
            #expect(error.statement == "divide")
            #expect(error.recovery == .refuseRow)
            #expect(try await count(connection) == 0)
            // No transaction is open any more: what comes next is committed at once.
            _ = try await connection.execute("INSERT INTO t VALUES (2)")
            #expect(try await count(database.connect()) == 1)
        }
    }

    @Test func withoutBeginAPipelineIsOneTransaction() async throws {
        try await withTable { connection, _ in
            await #expect(throws: PostgresError.self) {
                try await connection.pipeline([Statement("INSERT INTO t VALUES (1)"), Statement("SELECT 1 / 0")])
            }
            let stored = try await count(connection)
            #expect(stored == 0)
        }
    }

    @Test func aDeferredConstraintFailsAtCommit() async throws {
        try await withTable { connection, _ in
            let error = try await #require(throws: PostgresError.self) {
                try await connection.pipeline([
                    Statement("BEGIN"), Statement("INSERT INTO t VALUES (1), (1)"), Statement("COMMIT"),
                ])
            }
            #expect(error.sqlstate == "23505")
            #expect(error.statement == "COMMIT")
            #expect(try await count(connection) == 0)
        }
    }

    @Test func andAtTheSyncOfAnImplicitTransaction() async throws {
        try await withTable { connection, _ in
            let error = try await #require(throws: PostgresError.self) {
                try await connection.pipeline([Statement("INSERT INTO t VALUES (1), (1)")])
            }
            #expect(error.sqlstate == "23505")
            #expect(try await count(connection) == 0)
        }
    }

    @Test func theDetailOfAnErrorStaysOut() async throws {
        try await withTable { connection, _ in
            let error = try await #require(throws: PostgresError.self) {
                try await connection.execute("INSERT INTO t VALUES (4711), (4711)")
            }
            #expect(!error.description.contains("4711"))
        }
    }

    @Test func aFailedScriptLeavesNoTransactionOpen() async throws {
        try await withTable { connection, _ in
            try await connection.script("BEGIN; INSERT INTO t VALUES (1)")
            await #expect(throws: PostgresError.self) { try await connection.script("SELECT 1 / 0") }
            #expect(try await connection.execute("COMMIT").commandTag == "COMMIT")
            #expect(try await count(connection) == 0)
        }
    }

    @Test func aTransactionMaySpanCalls() async throws {
        try await withTable { connection, database in
            _ = try await connection.pipeline([Statement("BEGIN"), Statement("INSERT INTO t VALUES (1)")])
            let other = try await database.connect()
            #expect(try await count(other) == 0)
            #expect(try await connection.execute("COMMIT").commandTag == "COMMIT")
            #expect(try await count(other) == 1)
        }
    }

    @Test func aScriptStopsAtItsFirstErrorAndUndoesAll() async throws {
        try await withTable { connection, _ in
            let error = try await #require(throws: PostgresError.self) {
                try await connection.script("BEGIN; INSERT INTO t VALUES (1); SELEC 1; COMMIT; SELECT 1")
            }
            #expect(error.sqlstate == "42601")
            #expect(error.recovery == .fix)
            #expect(try await count(connection) == 0)
        }
    }

    @Test func oneNameForTwoTextsHarmsNobodyElse() async throws {
        try await withTable { connection, _ in
            let error = try await #require(throws: PostgresError.self) {
                try await connection.pipeline([Statement("SELECT 1", name: "n"), Statement("SELECT 2", name: "n")])
            }
            #expect(error.kind == .configuration)
            #expect(try await connection.execute("SELECT 3").int4(0, 0) == 3)
        }
    }
}
