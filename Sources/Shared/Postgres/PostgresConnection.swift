import EventLoop
public import Logging
import Synchronization

/// One session with a PostgreSQL server, over libpq in pipeline mode.
///
/// Commands run one after the other in the order of the calls. A caller's cancellation does not stop a command that was
/// handed over: its answer is awaited (for ``PostgresConfiguration/replyTimeout`` at most), since a transaction that
/// was cut off has an unknown outcome. Only ``nextNotification(timeout:)`` ends at once.
///
/// When the connection is lost, all callers get the error, and so does every later call. Make a new connection then.
public actor PostgresConnection {
    private nonisolated let executor: ConnectionExecutor
    private nonisolated let processID = Atomic<Int32>(0)
    private nonisolated let version = Atomic<Int32>(0)
    let replyTimeout: Duration
    let maximumReplyBytes: Int
    /// Notices and changed settings come unasked, and are few.
    static let maximumUnaskedBytes = 1 << 20
    var unasked = ReceivedBytes(on: -1)
    let redaction: Redaction

    /// nil before ``open(_:)`` and after the end.
    var handle: ConnectionHandle?
    /// Why the connection has ended.
    var end: PostgresError?
    var cache = StatementCache()
    var queue: [Command] = []
    var exchange: RunningCommand?
    /// libpq holds bytes that the socket did not take yet.
    var hasUnsentBytes = false

    var notified = false
    var waiters: [UInt64: NotificationWaiter] = [:]
    var waitersSoFar: UInt64 = 0

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private init(executor: ConnectionExecutor, _ configuration: PostgresConfiguration, redaction: Redaction) {
        self.executor = executor
        replyTimeout = configuration.replyTimeout
        maximumReplyBytes = configuration.maximumReplyBytes
        self.redaction = redaction
    }

    deinit { executor.end() }

    /// Connects, within ``PostgresConfiguration/connectTimeout``; ends at once when the task is cancelled.
    /// - Parameters:
    ///   - configuration: where to and how.
    ///   - logger: gets the server's notices, at debug level.
    /// - Throws: `configuration` when the conninfo cannot be used; else `connect`, with the reason for each host; `closed` when the
    ///   task is cancelled.
    public static func connect(
        _ configuration: PostgresConfiguration, logger: Logger
    ) async throws(PostgresError) -> PostgresConnection {
        let (connection, connector) = try await opened(configuration, logger: logger)
        do {
            try await connection.settle(configuration, given: connector.givenOptions)
        } catch {
            await connection.close()
            throw error
        }
        return connection
    }

    /// A connection whose session is as the server, or a pooler, left it.
    static func unsettled(_ configuration: PostgresConfiguration) async throws(PostgresError) -> PostgresConnection {
        try await opened(configuration, logger: Logger(label: "unsettled") { _ in SwiftLogNoOpLogHandler() }).0
    }

    private static func opened(
        _ configuration: PostgresConfiguration, logger: Logger
    ) async throws(PostgresError) -> (PostgresConnection, Connector) {
        let connector = try Connector(configuration, logger: logger)
        let executor: ConnectionExecutor
        do {
            executor = try ConnectionExecutor(name: "pg \(configuration.applicationName)")
        } catch {
            throw PostgresError(kind: .connect, message: error.description)
        }
        let connection = PostgresConnection(
            executor: executor, configuration, redaction: connector.redaction)
        let isCancelled = Flag()
        let opening = await withTaskCancellationHandler {
            await connection.open(connector) { isCancelled.isSet }
        } onCancel: {
            isCancelled.set()
        }
        try opening.get()
        return (connection, connector)
    }

    private func open(
        _ connector: Connector, until isCancelled: @escaping @Sendable () -> Bool
    ) -> Result<Void, PostgresError> {
        do throws(PostgresError) {
            open(try connector.connect(until: isCancelled))
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func open(_ handle: consuming ConnectionHandle) {
        processID.store(handle.backendProcessID, ordering: .relaxed)
        version.store(handle.serverVersion, ordering: .relaxed)
        unasked = ReceivedBytes(on: handle.socket)
        self.handle = consume handle
        executor.onReady { [weak self] in
            guard let self else { return }
            self.assumeIsolated { $0.socketIsReady() }
        }
        executor.moveIn()
        updateInterest()
    }

    /// The server process of this session, as in `pg_stat_activity`.
    public nonisolated var backendProcessID: Int32 { processID.load(ordering: .relaxed) }

    /// The encoding of the database, as in `UTF8`.
    public internal(set) var encoding = ""

    /// The server's version as libpq counts, e.g. 150018 for 15.18.
    public nonisolated var serverVersion: Int32 { version.load(ordering: .relaxed) }

    // MARK: commands

    /// Runs the statements in one round trip, as one transaction unless they contain `BEGIN` and `COMMIT`.
    ///
    /// If the statements open a transaction and one of them fails, it has been rolled back when this throws.
    /// - Returns: the result of each statement, in order.
    /// - Throws: the first error. Whether a commit that was under way took effect is unknown for `connectionLost`,
    ///   `replyTimeout` and `closed`.
    public func pipeline(_ statements: [Statement]) async throws(PostgresError) -> [Rows] {
        if statements.isEmpty && end == nil { return [] }
        return try await run(.pipeline(statements), timeout: replyTimeout)
    }

    /// Runs one statement.
    /// - Throws: as ``pipeline(_:)``.
    public func execute(_ sql: String, _ parameters: [Parameter] = []) async throws(PostgresError) -> Rows {
        try await execute(Statement(sql, parameters))
    }

    /// Runs one statement.
    /// - Throws: as ``pipeline(_:)``.
    public func execute(_ statement: Statement) async throws(PostgresError) -> Rows {
        try await pipeline([statement])[0]
    }

    /// Runs a text of several statements by the simple protocol: one transaction, unless the text has its own.
    /// - Parameters:
    ///   - sql: the text, for migrations. The server's `statement_timeout` applies to it.
    ///   - timeout: how long the whole may take before the connection counts as lost; nil: no bound.
    /// - Throws: the first error; the statements after it have not run.
    public func script(_ sql: String, timeout: Duration? = nil) async throws(PostgresError) {
        _ = try await run(.script(sql), timeout: timeout)
    }

    /// Checks that the server answers.
    /// - Throws: `replyTimeout` when it does not within `timeout`; the connection is lost then.
    public func ping(timeout: Duration) async throws(PostgresError) {
        _ = try await run(.pipeline([Statement("SELECT 1")]), timeout: timeout)
    }

    /// Ends the session. Commands that are not answered yet fail with `closed`. May be called again.
    public func close() {
        finish(PostgresError(kind: .closed, message: "the connection was closed"))
    }

    func run(_ statements: [Statement], timeout: Duration) async throws(PostgresError) -> [Rows] {
        try await run(.pipeline(statements), timeout: timeout)
    }

    private func run(_ work: Command.Work, timeout: Duration?) async throws(PostgresError) -> [Rows] {
        let result = await withCheckedContinuation { (continuation: Command.Continuation) in
            if let end { return continuation.resume(returning: .failure(end)) }
            queue.append(Command(work: work, timeout: timeout, continuation: continuation))
            startNextCommand()
        }
        return try result.get()
    }

    /// Tells the thread what to wait for from now on.
    func updateInterest() {
        guard end == nil else { return executor.wait(for: PollThread.Interest()) }
        let deadlines = waiters.values.map(\.deadline) + [exchange?.deadline, nextLookForHiddenBytes].compactMap { $0 }
        executor.wait(
            for: PollThread.Interest(
                descriptor: handle?.socket ?? -1, readable: true, writable: hasUnsentBytes, deadline: deadlines.min()))
    }

    /// OpenSSL may hold back a part of a record above 8 KB after libpq has read once; the socket then stays silent
    /// although the answer is here (ged/ruby-pg issue 588). So over TLS a look now and then while an answer is due.
    private var nextLookForHiddenBytes: ContinuousClock.Instant? {
        exchange != nil && handle?.isEncrypted == true ? .now + .milliseconds(20) : nil
    }
}

/// Set by one thread, asked by another.
private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
