import AMQP
import Candlepost
import Glibc
import Outbox
import Postgres
import ProgramRuntime

/// What commands that publish rows again have in common: their connections, their signals, and what they say.
struct ActRun: Sendable {
    /// How long what is in flight may take after an interruption.
    private static let grace = Duration.seconds(10)

    let connection: PostgresConnection
    private let settings: RelaySettings

    /// Runs `work` with a connection to the database.
    /// - Throws: ``CommandExit`` with 69 if a server is not there, with 1 if it refuses.
    static func with<T: Sendable>(
        _ reader: SettingsReader, _ work: (ActRun) async throws -> T
    ) async throws -> T {
        let settings = try RelaySettings(reader)
        return try await CommandConnections.withDatabase(reader) { connection in
            try await work(ActRun(connection: connection, settings: settings))
        }
    }

    /// Runs `work` with a connection to the broker; it is told of SIGINT and SIGTERM, which end the process before.
    func publishing<T: Sendable>(
        _ work: @escaping @Sendable (Republisher, Interruption) async throws -> T
    ) async throws -> T {
        do {
            return try await Interruption.watch(grace: Self.grace) { interruption in
                let republisher = try await Republisher(
                    settings.broker, queue: settings.queue, interruption: interruption, say: Self.say)
                return try await work(republisher, interruption)
            }
        } catch let error as AMQPError {
            throw CommandExit(error.recovery == .retry ? .unavailable : .no, "rabbitmq: \(error)")
        }
    }

    /// For operators who wait for the end; in place of a progress bar that may be there.
    static func say(_ text: String) {
        let start = isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[K" : ""
        StandardStream.write("\(start)relay: \(SafeText.oneLine(text, limit: 500))\n", to: STDERR_FILENO)
    }
}
