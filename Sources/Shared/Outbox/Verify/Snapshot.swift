import Postgres
import Records
import Schema

/// One state of the database, in which everything is read.
struct Snapshot: Sendable {
    /// Whether records may lie on other servers.
    let hasCitus: Bool

    /// Begins a transaction that only reads.
    static func begin(_ connection: PostgresConnection, tables: [String]) async throws -> Snapshot {
        let hasCitus = try await connection.execute("SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL")[0]
            .bool(0)
        // The lock comes before the snapshot, so that no partition is dropped under it.
        let begin = """
            BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
            LOCK TABLE outbox, \(tables.joined(separator: ", ")) IN ACCESS SHARE MODE
            """
        if hasCitus {
            try await holdingWriters(connection) {
                try await connection.script(begin)
                try await lookAtAllServers(connection, tables)
            }
        } else {
            try await connection.script(begin)
        }
        return Snapshot(hasCitus: hasCitus)
    }

    /// Each server has a snapshot of its own, taken when it is first asked: no writer may commit meanwhile. By one connection a server,
    /// for each connection would have another one.
    private static func lookAtAllServers(_ connection: PostgresConnection, _ tables: [String]) async throws {
        try await connection.script("SET LOCAL citus.max_adaptive_executor_pool_size = 1")
        for table in tables {
            _ = try await connection.execute("SELECT count(*) FROM \(table) WHERE interval_start = 'infinity'")
        }
    }

    /// Writers hold their lanes until what they commit is committed everywhere.
    private static func holdingWriters(
        _ connection: PostgresConnection, _ body: () async throws -> Void
    ) async throws {
        let lanes = "(\(AdvisoryLock.writerLane), lane) FROM generate_series(0, \(Lane.count - 1)) AS lane"
        _ = try await connection.execute("SELECT pg_advisory_lock\(lanes)")
        do {
            try await body()
        } catch {
            try? await connection.script("ROLLBACK; SELECT pg_advisory_unlock\(lanes)")
            throw error
        }
        _ = try await connection.execute("SELECT pg_advisory_unlock\(lanes)")
    }
}
