import Postgres
import TestSupport

/// The test's own session with its database, made anew when it is lost.
actor Session {
    private let database: TestDatabase
    private var connection: PostgresConnection?

    init(_ database: TestDatabase) { self.database = database }

    func query(_ sql: String) async throws -> Rows {
        if let connection {
            do {
                return try await connection.execute(sql)
            } catch {
                guard error.kind == .connectionLost else { throw error }
            }
        }
        let connection = try await database.connect()
        self.connection = connection
        return try await connection.execute(sql)
    }

    func close() async { await connection?.close() }
}
