import AMQP
import CoreMetrics
import Logging
import Postgres
import Records
import Schema
import Service
import ServiceLifecycle

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
    /// - Throws: `CancellationError` if the program is to stop while PostgreSQL is away; nothing is lost then, because
    ///   nothing was acknowledged.
    func store(_ batch: PreparedBatch, from source: DeliveryBatch) async throws -> StoreResult {
        var batch = batch
        try await withConnection { try await self.refuseUnknownMarkets(&batch, $0) }
        return try await store(batch, from: source, records: batch.records.indices, refused: batch.refused.indices)
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

    // MARK: splitting

    private func store(
        _ batch: PreparedBatch, from source: DeliveryBatch, records: Range<Int>, refused: Range<Int>
    ) async throws -> StoreResult {
        do {
            return try await withConnection { connection in
                let transaction = StoreTransaction(
                    connection: connection, source: source, batch: batch, records: records)
                let start = ContinuousClock.now
                let result = try await transaction.run { [writer] result, _ in
                    let quarantine = QuarantineRows(batch.refused[refused], from: source)
                    quarantine.count(into: &result)
                    let entry = IngestEntry(received: result, firstArrival: source.firstArrival, writer: writer)
                    return (refused.isEmpty ? [] : [quarantine.insert]) + [entry.insert]
                }
                commit.recordNanoseconds(Int64((.now - start) / .nanoseconds(1)))
                return result
            }
        } catch let error as PostgresError where error.recovery == .refuseRow {
            return try await storeApart(batch, from: source, records: records, refused: refused, error)
        }
    }

    /// Halves the batch until the row that the database refuses stands alone; the others cost nothing but time.
    private func storeApart(
        _ batch: PreparedBatch, from source: DeliveryBatch, records: Range<Int>, refused: Range<Int>,
        _ error: PostgresError
    ) async throws -> StoreResult {
        guard records.count > 1 || (records.count == 1 && !refused.isEmpty) else {
            return try await quarantineOnly(batch, from: source, records: records, error)
        }
        let middle = records.lowerBound + records.count / 2
        let parts =
            records.count > 1
            ? [
                (records.lowerBound..<middle, refused),
                (middle..<records.upperBound, refused.upperBound..<refused.upperBound),
            ]
            : [(records, refused.upperBound..<refused.upperBound), (records.upperBound..<records.upperBound, refused)]
        var result = StoreResult()
        for (records, refused) in parts {
            result += try await store(batch, from: source, records: records, refused: refused)
        }
        return result
    }

    private func quarantineOnly(
        _ batch: PreparedBatch, from source: DeliveryBatch, records: Range<Int>, _ error: PostgresError
    ) async throws -> StoreResult {
        guard let index = records.first else { throw error }
        let record = batch.records[index]
        var alone = PreparedBatch()
        alone.refused = [
            PreparedBatch.Refused(
                message: record.message, kind: record.kind,
                refusal: Refusal(.refusedByDatabase, "\(error.sqlstate ?? "no SQLSTATE"): \(error.message)"),
                market: record.key.market)
        ]
        return try await store(alone, from: source, records: 0..<0, refused: 0..<1)
    }

    // MARK: markets

    private func refuseUnknownMarkets(
        _ batch: inout PreparedBatch, _ connection: PostgresConnection
    ) async throws(PostgresError) {
        try await markets.lookUp(batch.records.lazy.map(\.key.market), connection)
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
