public import Logging
public import Postgres

/// A database with Candlepost's schema in it.
public enum Database {
    /// Connects, makes sure that the schema is as new as this program needs it, and learns the kinds that were applied there.
    /// - Throws: ``PostgresError`` as the server says, ``SchemaOutdated`` if migrations are missing,
    ///   ``UnfitDatabase`` if it is no place for the schema.
    public static func connect(
        _ configuration: PostgresConfiguration, logger: Logger
    ) async throws -> PostgresConnection {
        let connection = try await PostgresConnection.connect(configuration, logger: logger)
        do {
            try await UnfitDatabase.check(connection)
            let version = try await SchemaVersion.current(connection)
            guard version >= SchemaVersion.required else { throw SchemaOutdated(version: version) }
            try await AppliedKinds.refresh(connection)
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Connects as ``connect(_:logger:)`` does, and lets the session work only where all sessions of the process are.
    /// - Throws: also what ``ServerGuard/admit(_:)`` throws.
    public static func connect(
        _ configuration: PostgresConfiguration, logger: Logger, servers: ServerGuard
    ) async throws -> (connection: PostgresConnection, server: Server) {
        let connection = try await connect(configuration, logger: logger)
        do {
            let (server, repair) = try await servers.admit(connection)
            if let repair {
                logger.warning(
                    "the sequence of ids was moved ahead", metadata: ["why": "\(repair)", "server": "\(server)"])
            }
            return (connection, server)
        } catch {
            await connection.close()
            throw error
        }
    }
}

/// The database's schema is older than this program.
public struct SchemaOutdated: Error, Sendable, CustomStringConvertible {
    /// The version found, 0 for no schema at all.
    public let version: Int32

    public init(version: Int32) { self.version = version }

    public var description: String {
        "the schema has version \(version), \(SchemaVersion.required) is needed: run `writer migrate`"
    }
}
