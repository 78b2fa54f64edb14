import Logging
import Postgres
import TestSupport

/// Faults of PostgreSQL.
extension ChaosRound {
    func serverFault(_ down: [String], _ up: [String], _ name: String) async throws -> Bool {
        try await Servers.tell(down)
        for program in writers + relays { try await program.becomes(ready: false, within: .seconds(90)) }
        let isNamed = await (relays[0].get("/readyz")?.body.contains("\(name): ") ?? false)
        try await linger()
        try await Servers.tell(up)
        return isNamed
    }

    func endSessions(_ condition: String = "application_name ~ '^candlepost (writer|relay)$'") async throws
        -> Int
    {
        let admin = try await world.database.connect(parameters: ["default_transaction_read_only": "off"])
        let rows = try await admin.execute(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND \(condition)
            """)
        await admin.close()
        return Int(rows.int8(0, 0))
    }

    /// After the fault before this one all programs may be about to connect again.
    func endSessionsOnceThere() async throws -> Bool {
        try await eventually("a session of a program") { try await endSessions() > 0 }
        return true
    }

    func whileDatabase(is change: String, _ evidence: String) async throws -> Bool {
        let name = world.database.name
        let server = try await Self.server()
        _ = try await server.execute("ALTER DATABASE \(name) \(change)")
        _ = try await server.execute(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = '\(name)' AND application_name ~ '^candlepost (writer|relay)$'
            """)
        let isSeen = try await isSaid(by: writers, evidence)
        try await linger()
        let undo =
            change.hasPrefix("SET") ? "RESET default_transaction_read_only" : "ALLOW_CONNECTIONS true"
        _ = try await server.execute("ALTER DATABASE \(name) \(undo)")
        // Sessions keep the setting that they began with.
        _ = try await server.execute(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = '\(name)' AND application_name ~ '^candlepost (writer|relay)$'
            """)
        await server.close()
        return isSeen
    }

    /// A session with another database of the server.
    static func server() async throws -> PostgresConnection {
        let url = try TestEnvironment.databaseURL
        return try await PostgresConnection.connect(
            PostgresConfiguration(conninfo: url, applicationName: "chaos"), logger: Logger(label: "chaos"))
    }

    func lockTable() async throws -> Bool {
        let connection = try await world.database.connect(parameters: ["lock_timeout": "0"])
        try await connection.script("BEGIN; LOCK TABLE candle_sticks IN ACCESS EXCLUSIVE MODE")
        try await Task.sleep(for: .seconds(2))  // the fault itself
        let waiting = try await world.waiters(for: "candle_sticks")
        try await connection.script("COMMIT")
        await connection.close()
        return waiting > 0
    }
}
