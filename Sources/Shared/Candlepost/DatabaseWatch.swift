import EventLoop
public import Logging
public import Postgres
public import ProgramRuntime
public import Schema

/// Looks each second, by a session of its own, at what the other sessions of a program can't see themselves: whether ids still
/// rise, whether the server is still the one they are on, who holds a lock that they wait for, and which kinds were applied.
public struct DatabaseWatch: Sendable {
    private let configuration: PostgresConfiguration
    private let servers: ServerGuard
    private let readiness: Readiness
    private let logger: Logger

    /// - Parameters:
    ///   - configuration: of the program's sessions.
    ///   - readiness: gets a condition that says who holds what the program waits for.
    public init(
        _ configuration: PostgresConfiguration, servers: ServerGuard, readiness: Readiness, logger: Logger
    ) {
        var own = configuration
        own.applicationName += " watch"
        own.parameters["lock_timeout"] = "1000"
        own.replyTimeout = .seconds(15)
        self.configuration = own
        self.servers = servers
        self.readiness = readiness
        self.logger = logger
        readiness.declare(.locks)
        _ = readiness.set(.locks, .ready)
    }

    /// Looks until the task is cancelled; when the connection is lost, connects again. That the database is away is for others
    /// to say.
    public func run() async {
        var backoff = Backoff()
        while !Task.isCancelled {
            do {
                let connection = try await Database.connect(configuration, logger: logger)
                backoff.reset()
                try await closing(connection) { try await look(connection) }
            } catch {
                logger.debug("the watch has lost its connection", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    /// Closed when the task is cancelled: a program that stops must not wait for an answer.
    private func closing(_ connection: PostgresConnection, _ work: () async throws -> Void) async throws {
        let result: Result<Void, any Error>
        result = await withTaskCancellationHandler {
            do { return .success(try await work()) } catch { return .failure(error) }
        } onCancel: {
            Task { await connection.close() }
        }
        await connection.close()
        try result.get()
    }

    private func look(_ connection: PostgresConnection) async throws {
        var said: String?
        while !Task.isCancelled {
            let answers = try await connection.pipeline([Self.holders, AppliedKinds.question])
            try AppliedKinds.learn(from: answers[1])
            let holders = try Self.holders(answers[0])
            let status = holders.map(Readiness.Status.notReady) ?? .ready
            _ = readiness.set(.locks, status)
            if holders != said {
                if let holders {
                    logger.warning(
                        "another session holds a lock that is needed here", metadata: ["reason": "\(holders)"])
                } else {
                    logger.info("the lock is free again")
                }
                said = holders
            }
            try await lookAtIDs(connection)
            try await PollThread.sleep(for: .seconds(1))
        }
    }

    /// A lock on the log itself is waited for no longer than a second: who holds it is told by the next look.
    private func lookAtIDs(_ connection: PostgresConnection) async throws {
        do {
            if let repair = try await servers.admit(connection).repair {
                logger.warning("the sequence of ids was moved ahead", metadata: ["why": "\(repair)"])
            }
        } catch let error as PostgresError where error.sqlstate == "55P03" {
            logger.debug("the log is locked", metadata: ["error": "\(error)"])
        }
    }

    /// Who holds a lock that one of our sessions has waited for, or one that is for writers and relays only.
    private static let holders = Statement(
        """
        SELECT DISTINCT holder_pid, coalesce(holder_role, ''), coalesce(holder_application, '') FROM (
            SELECT holder_pid, holder_role, holder_application FROM candlepost_waits('2 seconds')
            UNION ALL SELECT * FROM candlepost_strangers(\(lockClasses))) AS held
        ORDER BY 1 LIMIT 3
        """,
        name: "lock_holders")

    private static func holders(_ rows: Rows) throws(PostgresError) -> String? {
        guard rows.count > 0 else { return nil }
        let names = try rows.map { row throws(PostgresError) in
            let process = try row.int4(0)
            return process == 0
                ? "a prepared transaction (see pg_prepared_xacts)"
                : "process \(process) of role \(try row.text(1)) (\(try row.text(2)))"
        }
        return "held by " + names.joined(separator: ", ")
    }

    /// The first keys of the locks that are for writers and relays only.
    private static let lockClasses = """
        ARRAY[\(AdvisoryLock.writerLane), \(AdvisoryLock.inSchema(AdvisoryLock.relayLane)),
              \(AdvisoryLock.inSchema(AdvisoryLock.relayPresence))]
        """
}
