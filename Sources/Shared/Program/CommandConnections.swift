public import Postgres
import Schema
public import Service

/// Connections of commands, which don't wait for a server that is away but say so and end.
public enum CommandConnections {
    /// Runs `work` on a connection to the database, whose schema must be as new as the program.
    /// - Throws: ``CommandExit`` with 69 if the server is not there, with 1 if it refuses.
    public static func withDatabase<T: Sendable>(
        _ settings: SettingsReader, needsSchema: Bool = true, parameters: [String: String] = [:],
        replyTimeout: Duration = .seconds(3600), _ work: (PostgresConnection) async throws -> T
    ) async throws -> T {
        var configuration = try settings.database(applicationName: "candlepost command")
        configuration.parameters = parameters
        configuration.replyTimeout = replyTimeout
        do {
            let connection =
                needsSchema
                ? try await Database.connect(configuration, logger: Program.quietLogger)
                : try await PostgresConnection.connect(configuration, logger: Program.quietLogger)
            do {
                let value = try await work(connection)
                await connection.close()
                return value
            } catch {
                await connection.close()
                throw error
            }
        } catch let error as PostgresError {
            throw CommandExit(error.recovery == .retry ? .unavailable : .no, "postgres: \(error)")
        } catch let error as SchemaOutdated {
            throw CommandExit(.no, "postgres: \(error)")
        }
    }
}
