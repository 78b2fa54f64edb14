import Logging
public import Postgres

/// An empty database of its own for one test.
public struct TestDatabase: Sendable {
    /// Unique on the server.
    public let name: String
    /// A URI for it.
    public let url: String
    private let serverURL: String

    /// Makes a database. Prefer ``withTestDatabase(_:)``, which drops it as well.
    public static func create() async throws -> TestDatabase {
        let serverURL = try TestEnvironment.databaseURL
        let name = "test_" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let database = TestDatabase(name: name, url: replacingDatabase(in: serverURL, by: name), serverURL: serverURL)
        try await database.onServer("CREATE DATABASE \(name) TEMPLATE template0")
        for name in try await ServerExtension.loaded() { try await database.add(name) }
        return database
    }

    private func add(_ name: ServerExtension) async throws {
        let connection = try await connect()
        try await connection.script("SET client_min_messages = warning; CREATE EXTENSION \(name.rawValue)")
        await connection.close()
    }

    /// Drops the database and ends the sessions that still use it.
    public func drop() async throws {
        try await onServer("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
    }

    /// A new session with this database.
    /// - Parameters:
    ///   - parameters: server settings.
    ///   - change: adjusts the configuration before connecting.
    public func connect(
        parameters: [String: String] = [:], change: (inout PostgresConfiguration) -> Void = { _ in }
    ) async throws -> PostgresConnection {
        var configuration = PostgresConfiguration(conninfo: url, applicationName: "tests", parameters: parameters)
        change(&configuration)
        return try await PostgresConnection.connect(configuration, logger: Logger(label: "tests"))
    }

    private func onServer(_ sql: String) async throws {
        let configuration = PostgresConfiguration(conninfo: serverURL, applicationName: "tests")
        let connection = try await PostgresConnection.connect(configuration, logger: Logger(label: "tests"))
        // CREATE and DROP DATABASE must not be in a transaction, not even the implicit one of a text of several.
        try await connection.script(sql)
        await connection.close()
    }

    /// `postgresql://host/old?options` with another database.
    private static func replacingDatabase(in url: String, by name: String) -> String {
        let options = url.firstIndex(of: "?") ?? url.endIndex
        let authority = url.firstRange(of: "://")?.upperBound ?? url.startIndex
        let path = url[authority..<options].firstIndex(of: "/") ?? options
        return url[..<path] + "/" + name + url[options...]
    }
}

/// Runs `body` with a database of its own and drops it afterwards, also when `body` throws.
public func withTestDatabase<R: Sendable>(
    _ body: (TestDatabase) async throws -> R
) async throws -> R {
    let database = try await TestDatabase.create()
    let result: R
    do {
        result = try await body(database)
    } catch {
        try? await database.drop()
        throw error
    }
    try await database.drop()
    return result
}
