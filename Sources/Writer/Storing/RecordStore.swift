import CoreMetrics
import Logging
import Postgres
import Records
import Schema
import Service
import ServiceLifecycle
import Storing

/// Stores batches, one after the other, and does not give up: while PostgreSQL is away it waits and tries again, and a
/// row that only the database refuses is found and put into quarantine.
actor RecordStore {
    private let configuration: PostgresConfiguration
    private let writer: String
    private let markets: KnownMarkets
    private let readiness: Readiness
    private let logger: Logger
    private let commit = Timer(label: "candlepost_writer_commit_seconds")
    private var connection: PostgresConnection?
    private var backoff = Backoff()

    init(
        _ configuration: PostgresConfiguration, writer: String, markets: KnownMarkets, readiness: Readiness,
        logger: Logger
    ) {
        self.configuration = configuration
        self.writer = writer
        self.markets = markets
        self.readiness = readiness
        self.logger = logger
    }

    /// Stores all messages of a batch. Returns when everything is committed.
    ///
    /// A part that holds a row that the database refuses is halved until the row stands alone; the others cost nothing but
    /// time.
    /// - Throws: `CancellationError` if the program is to stop while PostgreSQL is away; nothing is lost then, because
    ///   nothing was acknowledged.
    func store(_ batch: PreparedBatch) async throws -> StoreResult {
        var batch = batch
        try await withConnection { try await self.refuseUnknownMarkets(&batch, $0) }
        var result = StoreResult()
        var parts = [BatchPart(batch)]
        while let part = parts.popLast() {
            do {
                result += try await withConnection { try await self.store(part, $0) }
            } catch let error as PostgresError where error.recovery == .refuseRow {
                if let (first, second) = part.halves {
                    parts += [second, first]
                } else {
                    parts.append(try part.refusing(error))
                }
            }
        }
        return result
    }

    private func store(_ part: BatchPart, _ connection: PostgresConnection) async throws(PostgresError) -> StoreResult {
        let start = ContinuousClock.now
        let transaction = StoreTransaction(connection: connection, part: part)
        var outcome = try await transaction.storeRecords()
        let quarantine = QuarantineRows(part)
        outcome.result.quarantined = quarantine.counts
        let entry = IngestEntry(received: outcome.result, firstArrival: part.batch.firstArrival, writer: writer)
        try await transaction.commit(outcome, with: (part.refused.isEmpty ? [] : [quarantine.insert]) + [entry.insert])
        commit.recordNanoseconds(Int64((.now - start) / .nanoseconds(1)))
        return outcome.result
    }

    /// Makes sure that the database answers, and waits for it if it does not. Without it, a database that goes away while
    /// no message comes would be noticed by the next message only.
    func ensureConnected() async throws {
        try await withConnection { try await $0.ping(timeout: .seconds(5)) }
    }

    func close() async {
        await connection?.close()
        connection = nil
    }

    // MARK: markets

    private func refuseUnknownMarkets(
        _ batch: inout PreparedBatch, _ connection: PostgresConnection
    ) async throws(PostgresError) {
        try await markets.lookUp(Set(batch.records.lazy.map(\.key.market)), connection)
        markets.refuseUnknown(&batch)
    }

    // MARK: connection

    /// Runs `work` on a connection; for as long as PostgreSQL is away, waits and tries again.
    private func withConnection<T: Sendable>(
        _ work: (PostgresConnection) async throws -> T
    ) async throws -> T {
        while true {
            var used: PostgresConnection?
            do {
                let connection = try await connected()
                used = connection
                let value = try await work(connection)
                backoff.reset()
                return value
            } catch let error as PostgresError where error.recovery == .refuseRow {
                throw error
            } catch {
                await connectionFailed(error, used)
            }
            try Task.checkCancellation()
            guard !Task.isShuttingDownGracefully else { throw CancellationError() }
            let wait = backoff.next()
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
        }
    }

    private func connected() async throws -> PostgresConnection {
        if let connection { return connection }
        let connection = try await Database.connect(configuration, logger: logger)
        try await markets.reload(connection)
        if let other = self.connection {  // somebody else has connected meanwhile
            await connection.close()
            return other
        }
        self.connection = connection
        if readiness.set("postgres", .ready) { logger.info("postgres connected") }
        return connection
    }

    private func connectionFailed(_ error: any Error, _ used: PostgresConnection?) async {
        if readiness.set("postgres", .notReady("\(error)")) {
            logger.warning("postgres unavailable, retrying", metadata: ["error": "\(error)"])
        }
        if connection === used { connection = nil }
        await used?.close()
    }
}
