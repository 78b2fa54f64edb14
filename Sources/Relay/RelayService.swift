import AMQP
import Candlepost
import EventLoop
import Logging
import Outbox
import Postgres
import ProgramRuntime
import Schema
import ServiceLifecycle

/// Keeps a ``RelaySession`` going: connects, runs it, and after any failure connects again and goes on where the ledger
/// ends, as a new process would.
struct RelayService: ServiceLifecycle.Service {
    let settings: RelaySettings
    let report: RelayReport
    let servers: ServerGuard
    let watch: DatabaseWatch

    private var logger: Logger { report.logger }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await report.run() }
            group.addTask(executorPreference: try? PollThread.shared()) { await watch.run() }
            defer { group.cancelAll() }
            try await relayUntilShutdown()
        }
    }

    private func relayUntilShutdown() async throws {
        var backoff = Backoff()
        var poison = PoisonRows()
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            let start = ContinuousClock.now
            do {
                return try await withConnections { connections in
                    let session = RelaySession(connections, settings: settings, report: report, poison: poison)
                    do {
                        try await withTaskExecutorPreference(connections.publisher.taskExecutor) {
                            try await session.run()
                        }
                    } catch {
                        poison = await session.poison
                        throw error
                    }
                }
            } catch let error as Unavailable {
                guard !Task.isShuttingDownGracefully else { return }
                report.unavailable(error.name, error.cause)
            } catch {
                report.failed(error)
            }
            report.ownsNoLanes()
            if .now - start > .seconds(10) { backoff.reset() }
            let wait = backoff.next()
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
        }
    }

    /// A server could not be connected to.
    private struct Unavailable: Error {
        let name: ConditionName
        let cause: any Error
    }

    private func withConnections(_ work: (RelayConnections) async throws -> Void) async throws {
        let (ledger, server) = try await connect(.postgres) {
            var configuration = settings.database
            configuration.parameters.merge(LaneLedger.sessionLimits) { $1 }
            return try await Database.connect(configuration, logger: logger, servers: servers)
        }
        try await closing(ledger) {
            let log = try await connect(.postgres) { try await listening() }
            try await closing(log) {
                try await servers.admit(log)
                try servers.require(server)
                let publisher = try await connect(.rabbitmq) {
                    try await AMQPPublisher.connect(settings.broker, queue: settings.queue, logger: logger)
                }
                report.connected(.rabbitmq)
                let arguments = await queueArguments()
                report.losses(QueueArgument.losses(arguments))
                try await closing(publisher) {
                    let ledger = LaneLedger(connection: ledger, relay: settings.name)
                    let place = RelayConnections.Place(servers: servers, server: server)
                    try await work(
                        RelayConnections(
                            log: log, ledger: ledger, publisher: publisher,
                            queueRejects: QueueArgument.rejects(arguments), place: place))
                }
            }
        }
    }

    private func queueArguments() async -> [QueueArgument] {
        let look = try? await cancelWhenGracefulShutdown {
            try await AMQPInspector.look(settings.broker, queues: [settings.queue], for: .publishing)
        }
        return look?.queues.first?.arguments ?? []
    }

    /// Listens first; what was rung before is found by the first look at the log.
    private func listening() async throws -> PostgresConnection {
        var configuration = settings.database
        configuration.parameters = OutboxReader.plannerSettings
        let connection = try await PostgresConnection.connect(configuration, logger: logger)
        do throws(PostgresError) {
            try await connection.listen(to: NotificationChannel.outbox)
        } catch {
            // The queue of notifications is full, say: rows are found by polling, as the session will notice.
            guard error.kind == .server else { throw error }
            report.listenFailed(error)
        }
        return connection
    }

    /// A program that is to stop does not wait for a server that does not answer.
    private func connect<Connection: Sendable>(
        _ name: ConditionName, _ connect: @escaping @Sendable () async throws -> Connection
    ) async throws -> Connection {
        do {
            return try await cancelWhenGracefulShutdown(connect)
        } catch {
            throw Unavailable(name: name, cause: error)
        }
    }

    private func closing(_ connection: some Closable, _ work: () async throws -> Void) async throws {
        do { try await work() } catch {
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
