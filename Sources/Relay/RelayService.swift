import AMQP
import CoreMetrics
import Logging
import Postgres
import Schema
import Service
import ServiceLifecycle

/// Keeps a ``RelaySession`` going: connects, runs it, and after any failure connects again and goes on where the ledger
/// ends, as a new process would.
struct RelayService: ServiceLifecycle.Service {
    let settings: RelaySettings
    let health: RelayHealth
    let metrics: RelayMetrics
    let logger: Logger

    func run() async throws {
        var backoff = Backoff()
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            let start = ContinuousClock.now
            do {
                return try await withConnections { connections in
                    try await RelaySession(connections, settings: settings, health: health, metrics: metrics).run()
                }
            } catch let error as Unavailable {
                health.unavailable(error.name, error.cause)
            } catch {
                health.unavailable(error is PostgresError ? "postgres" : "rabbitmq", error)
            }
            metrics.lanesOwned.record(0)
            if .now - start > .seconds(10) { backoff.reset() }
            let wait = backoff.next()
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
        }
    }

    /// A server could not be connected to.
    private struct Unavailable: Error {
        let name: String
        let cause: any Error
    }

    private func withConnections(_ work: (RelayConnections) async throws -> Void) async throws {
        try await with("postgres", { try await Database.connect(settings.database(), logger: logger) }) { ledger in
            try await with("postgres", { try await listening() }) { log in
                try await with("rabbitmq", { try await publisher() }) { publisher in
                    health.delivering()
                    let ledger = LaneLedger(connection: ledger, relay: settings.name)
                    try await work(RelayConnections(log: log, ledger: ledger, publisher: publisher))
                }
            }
        }
    }

    /// Listens first; what was rung before is found by the first look at the log.
    private func listening() async throws -> PostgresConnection {
        let connection = try await PostgresConnection.connect(
            settings.database(parameters: OutboxReader.plannerSettings), logger: logger)
        try await connection.listen(to: Channel.outbox)
        return connection
    }

    private func publisher() async throws -> AMQPPublisher {
        try await AMQPPublisher.connect(settings.broker, queue: settings.queue, logger: logger)
    }

    private func with<Connection: Closable>(
        _ name: String, _ connect: () async throws -> Connection, _ work: (Connection) async throws -> Void
    ) async throws {
        let connection: Connection
        do { connection = try await connect() } catch { throw Unavailable(name: name, cause: error) }
        health.connected(name)
        do { try await work(connection) } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }
}

private protocol Closable: Sendable {
    func close() async
}

extension PostgresConnection: Closable {}
extension AMQPPublisher: Closable {}
