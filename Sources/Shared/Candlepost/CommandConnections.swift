public import Postgres
public import ProgramRuntime
import Schema

/// Connections of commands, which don't wait for a server that is away but say so and end.
public enum CommandConnections {
    /// Runs `work` on a connection to the database, whose schema must be as new as the program.
    /// - Throws: ``CommandExit`` with 69 if the server is not there, with 1 if it refuses.
    public static func withDatabase<T: Sendable>(
        _ settings: SettingsReader, needsSchema: Bool = true, parameters: [String: String] = [:],
        replyTimeout: Duration = .seconds(3600), _ work: (PostgresConnection) async throws -> T
    ) async throws -> T {
        let connection = try await openDatabase(
            settings, needsSchema: needsSchema, parameters: parameters, replyTimeout: replyTimeout)
        do {
            let value = try await work(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw exit(for: error)
        }
    }

    /// Opens a connection, which the caller closes; else as ``withDatabase(_:needsSchema:parameters:replyTimeout:_:)``.
    public static func openDatabase(
        _ settings: SettingsReader, needsSchema: Bool = true, parameters: [String: String] = [:],
        replyTimeout: Duration = .seconds(3600)
    ) async throws -> PostgresConnection {
        var configuration = try settings.database(applicationName: "candlepost command")
        configuration.parameters = parameters
        configuration.replyTimeout = replyTimeout
        do {
            return needsSchema
                ? try await Database.connect(configuration, logger: Program.quietLogger)
                : try await PostgresConnection.connect(configuration, logger: Program.quietLogger)
        } catch {
            throw exit(for: error)
        }
    }

    /// How a command ends for an error of the database; other errors as they are.
    public static func exit(for error: any Error) -> any Error {
        switch error {
        case let error as PostgresError:
            CommandExit(error.recovery == .retry ? .unavailable : .no, "postgres: \(error)")
        case let error as SchemaOutdated: CommandExit(.no, "postgres: \(error)")
        default: error
        }
    }
}
