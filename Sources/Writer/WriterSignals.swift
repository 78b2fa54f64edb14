import Logging
import Postgres
import Schema
import Service

/// The writer's second connection: rings the relay's doorbell after commits, learns of changed markets, and keeps
/// partitions of the outbox ready. Nothing depends on it: the relay polls, and markets are looked up when missed.
struct WriterSignals: Sendable {
    let configuration: PostgresConfiguration
    let markets: KnownMarkets
    let logger: Logger
    private let doorbell = Signal()

    init(_ configuration: PostgresConfiguration, markets: KnownMarkets, logger: Logger) {
        var configuration = configuration
        // NOTIFY writes a commit record; nobody needs to wait until it is on disk.
        configuration.parameters["synchronous_commit"] = "off"
        self.configuration = configuration
        self.markets = markets
        self.logger = logger
    }

    /// Tells the relay that there are new rows. Returns at once; rings within two milliseconds go out as one.
    func ringDoorbell() { doorbell.ring() }

    /// Works until the task is cancelled; when the connection is lost, connects again.
    func run() async {
        var backoff = Backoff()
        while !Task.isCancelled {
            do {
                let connection = try await Database.connect(configuration, logger: logger)
                backoff.reset()
                try await work(connection)
            } catch {
                logger.debug("signal connection lost", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    private func work(_ connection: PostgresConnection) async throws {
        try await connection.listen(to: Channel.markets)
        try await markets.reload(connection)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.ringing(connection) }
            group.addTask { try await self.watchingMarkets(connection) }
            group.addTask { try await self.makingPartitions(connection) }
            defer { group.cancelAll() }
            try await group.next()
        }
        await connection.close()
    }

    private func ringing(_ connection: PostgresConnection) async throws {
        let ring = Statement("SELECT pg_notify($1, '')", name: "ring", [.text(Channel.outbox)])
        while true {
            try await doorbell.wait()
            _ = try await connection.pipeline([ring])
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private func watchingMarkets(_ connection: PostgresConnection) async throws {
        while true {
            if try await connection.nextNotification(timeout: .seconds(10)) {
                try await markets.reload(connection)
            } else {
                try await connection.ping(timeout: .seconds(5))
            }
        }
    }

    private func makingPartitions(_ connection: PostgresConnection) async throws {
        while true {
            let made = try await connection.execute("SELECT outbox_make_partitions()").int4(0, 0)
            if made > 0 { logger.info("outbox partitions made", metadata: ["count": "\(made)"]) }
            try await Task.sleep(for: .seconds(60))
        }
    }
}
