import EventLoop
import Logging
import Postgres
import ProgramRuntime
import Quarantine
import Records
import Schema
import Storing

/// The writer's second connection: rings the relay's doorbell after commits, learns of changed markets, and keeps
/// partitions of the outbox ready. Nothing depends on it: the relay polls, and markets are looked up when missed.
struct WriterUpkeep: Sendable {
    let configuration: PostgresConfiguration
    let markets: KnownMarkets
    let settings: WriterSettings
    let report: WriterReport
    private let doorbell = Bell()

    private var logger: Logger { report.logger }

    init(_ settings: WriterSettings, markets: KnownMarkets, report: WriterReport) {
        var configuration = settings.database
        // NOTIFY writes a commit record; nobody needs to wait until it is on disk.
        configuration.parameters["synchronous_commit"] = "off"
        self.configuration = configuration
        self.settings = settings
        self.markets = markets
        self.report = report
    }

    /// Tells the relay that there are new rows. Returns at once; what is rung within two milliseconds of a ring goes out as one.
    func ringDoorbell() { doorbell.ring() }

    /// Works until the task is cancelled; when the connection is lost, connects again.
    /// - Parameter onLoss: called each time, for the same server has other connections too.
    func run(onLoss: () async -> Void) async {
        var backoff = Backoff()
        while !Task.isCancelled {
            do {
                let connection = try await Database.connect(configuration, logger: logger)
                backoff.reset()
                try await work(connection)
            } catch {
                logger.debug("signal connection lost", metadata: ["error": "\(error)"])
                await onLoss()
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    private func work(_ connection: PostgresConnection) async throws {
        try await connection.listen(to: NotificationChannel.markets)
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
        let ring = Statement("SELECT pg_notify($1, '')", name: "ring", [.text(NotificationChannel.outbox)])
        var isRefused = false
        var next = ContinuousClock.now
        while true {
            try await doorbell.wait()
            let wait = next - .now
            if wait > .zero { try await PollThread.sleep(for: wait) }
            next = .now + .milliseconds(2)
            do throws(PostgresError) {
                _ = try await connection.execute(ring)
                if isRefused { logger.info("PostgreSQL accepts NOTIFY again") }
                isRefused = false
            } catch {
                // Its queue of them is full, say: that costs relays the latency of their poll and nothing else.
                guard error.kind == .server else { throw error }
                if !isRefused {
                    logger.warning(
                        "PostgreSQL refuses NOTIFY: relays find new rows by polling",
                        metadata: ["error": "\(error)"])
                }
                isRefused = true
            }
        }
    }

    private func watchingMarkets(_ connection: PostgresConnection) async throws {
        while !Task.isCancelled {
            let haveChanged = try await connection.nextNotification(timeout: .seconds(10))
            if haveChanged { try await markets.reload(connection) }
            try await retryQuarantined(connection)  // a query that fails where the connection is half open
            report.quarantine(open: try await openQuarantine(connection))
        }
    }

    /// How many messages wait in quarantine, by reason: no more than 10,001 of each are looked at.
    private func openQuarantine(_ connection: PostgresConnection) async throws -> [Refusal.Reason: Int64] {
        let rows = try await connection.execute(
            Statement(
                """
                SELECT (SELECT count(*) FROM (SELECT FROM quarantine
                                              WHERE reason = wanted AND resolved_at IS NULL LIMIT 10001) open)
                FROM unnest($1::text[]) WITH ORDINALITY AS reasons(wanted, place) ORDER BY place
                """,
                name: "count_quarantine", [.array(Refusal.Reason.allCases.map(\.rawValue))]))
        let counts = try rows.map { row throws(PostgresError) in try row.int8(0) }
        return Dictionary(uniqueKeysWithValues: zip(Refusal.Reason.allCases, counts))
    }

    /// Messages that came before their market did, up to the time that the setting gives them. On a connection of its own,
    /// as a transaction of several steps must not be mixed with what else happens here.
    private func retryQuarantined(_ connection: PostgresConnection) async throws {
        var ids = try await retryable(connection)
        guard !ids.isEmpty else { return }
        var configuration = settings.database
        configuration.maximumReplyBytes += settings.maximumMessageBytes + QuarantineRetry.mostBytes
        let own = try await Database.connect(configuration, logger: logger)
        let retry = QuarantineRetry(
            connection: own, maximumMessageBytes: settings.maximumMessageBytes, act: "retried",
            actedBy: settings.name, why: nil, rules: settings.revisions)
        do {
            while !ids.isEmpty {
                let outcome = try await retry.run(ids)
                logger.info("tried quarantined messages again", metadata: ["stored": "\(outcome.stored)"])
                guard outcome.stored + outcome.duplicate > 0 else { break }
                ringDoorbell()
                ids = try await retryable(connection)
            }
        } catch {
            await own.close()
            throw error
        }
        await own.close()
    }

    /// A walk from market to market along an index: it costs by the number of markets that are waited for, whatever the
    /// number of messages.
    private func retryable(_ connection: PostgresConnection) async throws -> [Int64] {
        let rows = try await connection.execute(
            Statement(
                """
                WITH RECURSIVE waiting(market_id) AS (
                    SELECT min(market_id) FROM quarantine WHERE reason = 'unknown_market' AND resolved_at IS NULL
                    UNION ALL
                    SELECT (SELECT min(market_id) FROM quarantine
                            WHERE reason = 'unknown_market' AND resolved_at IS NULL AND market_id > w.market_id)
                    FROM waiting w WHERE w.market_id IS NOT NULL)
                SELECT q.id FROM waiting w JOIN markets m ON m.id = w.market_id
                CROSS JOIN LATERAL (
                    SELECT id FROM quarantine
                    WHERE reason = 'unknown_market' AND resolved_at IS NULL AND market_id = w.market_id
                      AND received_at > now() - make_interval(secs => $1)
                    ORDER BY received_at LIMIT 100) q
                ORDER BY q.id LIMIT 100
                """,
                name: "select_retryable", [.double(settings.retryUnknownFor / .seconds(1))]))
        return try rows.map { row throws(PostgresError) in try row.int8(0) }
    }

    /// Ids are kept ahead, as many as the rate asks for; a writer that has none left can store nothing. How many there are is
    /// looked at first: what makes them may have to wait for a lock.
    private func makingPartitions(_ connection: PostgresConnection) async throws {
        while true {
            try await lookAtIDsAhead(connection, beforeMaking: true)
            do throws(PostgresError) {
                let made = try await connection.execute("SELECT outbox_make_partitions()")[0].int4(0)
                if made > 0 { logger.info("outbox partitions made", metadata: ["count": "\(made)"]) }
                let ofRecords = try await connection.execute("SELECT records_make_partitions()")[0].int4(0)
                if ofRecords > 0 { logger.info("record partitions made", metadata: ["count": "\(ofRecords)"]) }
            } catch {
                guard error.recovery != .retry else { throw error }
                logger.error("partitions cannot be made", metadata: ["error": "\(error)"])
            }
            try await lookAtIDsAhead(connection, beforeMaking: false)
            try await Task.sleep(for: .seconds(60))
        }
    }

    private func lookAtIDsAhead(
        _ connection: PostgresConnection, beforeMaking: Bool
    ) async throws(PostgresError) {
        let rows = try await connection.execute("SELECT outbox_ids_ahead(), outbox_ids_wanted()")
        report.idsAhead(try rows[0].int8(0), wanted: try rows[0].int8(1), isTold: !beforeMaking)
    }
}
