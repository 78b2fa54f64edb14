import CoreMetrics
import Logging
import Postgres
import ProgramRuntime
import Records
import Schema
import ServiceLifecycle
import Storing
import Traces

/// Stores batches, one after the other, and does not give up: while PostgreSQL is away or takes nothing it waits and tries
/// again, and a row that only the database refuses is found and put into quarantine.
actor RecordStore {
    private let configuration: PostgresConfiguration
    private let writer: String
    private let markets: KnownMarkets
    private let rules: RevisionRules
    private let servers: ServerGuard
    private let logger: Logger
    private let commit = Timer(label: "candlepost_writer_commit_seconds")
    private var connection: PostgresConnection?
    private var server: Server?
    /// Grows until something is committed.
    private var backoff = Backoff()
    private var outage: StoreOutage
    private var quarantineLog: QuarantineLog
    private var conflictLog: ConflictLog
    private let spans: BatchSpans
    private var isStoring = false
    /// What a table refused when it took nothing: until it takes a record, nothing is worth taking from a queue.
    private var suspect: WriteProbe.Suspect?

    init(
        _ configuration: PostgresConfiguration, writer: String, markets: KnownMarkets,
        rules: RevisionRules = RevisionRules(),
        servers: ServerGuard = ServerGuard(), tracer: Tracer? = nil, readiness: Readiness, logger: Logger
    ) {
        self.configuration = configuration
        self.writer = writer
        self.markets = markets
        self.rules = rules
        self.servers = servers
        self.logger = logger
        outage = StoreOutage(readiness, logger: logger)
        quarantineLog = QuarantineLog(logger)
        conflictLog = ConflictLog(logger)
        spans = BatchSpans(tracer: tracer)
    }

    /// Stores all messages of a batch. Returns when everything is committed.
    ///
    /// A part that holds a row that the database refuses is halved until the row stands alone; the others cost nothing but
    /// time. Rows that stand alone go into quarantine, unless it is the table that takes none.
    /// - Throws: `CancellationError` if the program is to stop while PostgreSQL is away; nothing is lost then, because
    ///   nothing was acknowledged.
    func store(_ batch: PreparedBatch) async throws -> StoreResult {
        isStoring = true
        defer { isStoring = false }
        var batch = batch
        try await withConnection { try await self.refuseUnknownMarkets(&batch, $0) }
        var result = StoreResult()
        var split = SplitBatch(batch)
        repeat {
            while split.outage == nil, let part = split.next() {
                do {
                    let stored = try await withConnection { try await self.store(part, $0) }
                    split.stored(stored)
                    result += stored
                } catch let error as PostgresError {
                    split.refused(part, error)
                }
            }
        } while try await isHeldUp(&split)
        guard let refusals = split.refusals else { return result }
        result += try await withConnection { try await self.store(refusals, $0) }
        return result
    }

    private func store(_ part: BatchPart, _ connection: PostgresConnection) async throws(PostgresError) -> StoreResult {
        let start = ContinuousClock.now
        let transaction = StoreTransaction(connection: connection, part: part, rules: rules)
        var outcome = try await transaction.storeRecords()
        let quarantine = QuarantineRows(part)
        outcome.result.quarantined = quarantine.counts
        let entry = IngestEntry(received: outcome.result, firstArrival: part.batch.firstArrival, writer: writer)
        try await transaction.commit(outcome, with: (part.refused.isEmpty ? [] : [quarantine.insert]) + [entry.insert])
        commit.recordNanoseconds(Int64((.now - start) / .nanoseconds(1)))
        backoff.reset()
        suspect = nil
        outage.ended()
        quarantineLog.note(part)
        conflictLog.note(outcome, of: part.batch)
        spans.note(part, outcome)
        return outcome.result
    }

    /// Makes sure that the database answers, and waits for it if it does not. Without it, a database that goes away while
    /// no message comes would be noticed by the next message only.
    func ensureConnected() async throws {
        try await withConnection { try await $0.ping(timeout: .seconds(5)) }
        if !isStoring { outage.ended() }
    }

    /// Waits until the tables of these kinds take writes. What is taken from a queue before that would wait here, and come back
    /// with every connection that is lost meanwhile.
    /// - Parameter kinds: asked when there is a connection: which kinds there are is known from the database.
    func awaitWrites(kinds: @Sendable () -> [Int]) async throws {
        try await withConnection { try await WriteProbe(kinds: kinds(), writer: writer).run($0) }
        while let suspect, let error = try await withConnection({ try await suspect.refusal($0) }) {
            outage.tableRefuses(suspect.table, error)
            try await pause()
        }
        suspect = nil
        outage.ended()
    }

    func close() async {
        await connection?.close()
        connection = nil
    }

    // MARK: rows and tables

    /// Whether it is a table that refuses the suspects, not what they are: then this returns after a pause, and they are to
    /// be stored again.
    private func isHeldUp(_ split: inout SplitBatch) async throws -> Bool {
        guard let (suspect, error) = try await refusal(of: split) else { return false }
        outage.tableRefuses(suspect.table, error)
        self.suspect = suspect
        split.takeBack()
        try await pause()
        return true
    }

    private func refusal(of split: SplitBatch) async throws -> (WriteProbe.Suspect, PostgresError)? {
        let market = markets.another(than: Set(split.suspects.map(\.record.key.market)))
        if let suspect = split.outage { return (WriteProbe.Suspect(suspect, market: market), suspect.error) }
        for suspect in split.unclear {
            let suspect = WriteProbe.Suspect(suspect, market: market)
            let error = try await withConnection { try await suspect.others.refusal($0) }
            if let error { return (suspect, error) }
        }
        return nil
    }

    // MARK: markets

    private func refuseUnknownMarkets(
        _ batch: inout PreparedBatch, _ connection: PostgresConnection
    ) async throws(PostgresError) {
        try await markets.lookUp(Set(batch.records.lazy.map(\.key.market)), connection)
        markets.refuseUnknown(&batch)
    }

    // MARK: connection

    /// Runs `work` on a connection; for as long as PostgreSQL is away or refuses it, waits and tries again.
    /// - Throws: ``PostgresError`` only where a row is to blame.
    private func withConnection<T: Sendable>(_ work: (PostgresConnection) async throws -> T) async throws -> T {
        while true {
            var used: PostgresConnection?
            do {
                let connection = try await connected()
                used = connection
                return try await work(connection)
            } catch {
                if used == nil && Task.isShuttingDownGracefully { throw CancellationError() }
                let refusal = error as? PostgresError
                if refusal?.leavesSessionUsable != true { await drop(used) }
                if let refusal, Blame(refusal) == .row { throw refusal }
                outage.failed(error)
            }
            try await pause()
        }
    }

    private func pause() async throws {
        try Task.checkCancellation()
        guard !Task.isShuttingDownGracefully else { throw CancellationError() }
        let wait = backoff.next()
        try await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
    }

    private func connected() async throws -> PostgresConnection {
        if let connection {
            guard let server, !servers.isCurrent(server) else { return connection }
            await connection.close()
            self.connection = nil
        }
        let (connection, server) = try await cancelWhenGracefulShutdown { [configuration, logger, servers] in
            try await Database.connect(configuration, logger: logger, servers: servers)
        }
        try await markets.reload(connection)
        if let other = self.connection {  // somebody else has connected meanwhile
            await connection.close()
            return other
        }
        self.connection = connection
        self.server = server
        outage.connected()
        return connection
    }

    private func drop(_ used: PostgresConnection?) async {
        if connection === used { connection = nil }
        await used?.close()
    }
}

extension PostgresError {
    /// The server refused a statement, for a reason that a new session would not change; what was begun is rolled back.
    fileprivate var leavesSessionUsable: Bool {
        kind == .server && (recovery != .retry || isConflict)
    }

    /// Another transaction was in the way: the next try will do.
    var isConflict: Bool { kind == .server && (sqlstate == "40001" || sqlstate == "40P01") }
}
