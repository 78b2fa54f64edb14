package import Postgres

/// All that is looked at once a second: what the console and `relay status --watch` show of the whole.
package struct Overview: Sendable {
    package var report = StatusReport()
    package var flow = Flow()
    /// Seconds since a writer last stored what it had received; nil if none ever did.
    package var silentFor: Int64?
    /// Open messages of the quarantine, by reason.
    package var quarantine: [(reason: String, count: Int64)] = []
    /// Conflicts of the last day; exact up to 1,000.
    package var conflicts: Int64 = 0
    /// Acts that have begun and not ended.
    package var openActs: Int64 = 0
    /// The last run of verify that the database knows of: when, in seconds since 1970, and whether all promises held.
    package var verified: (at: Int64, holds: Bool)?
    /// When it was read, by the database's clock, in seconds since 1970.
    package var readAt: Int64 = 0

    package var pending: Int64 { report.lanes.reduce(0) { $0 + $1.pending } }
    package var isExact: Bool { report.lanes.allSatisfy(\.isExact) }
    package var oldest: Int64 { report.lanes.map(\.oldestSeconds).max() ?? 0 }
    package var parked: Int64 { report.lanes.reduce(0) { $0 + $1.parked } }
    package var inQuarantine: Int64 { quarantine.reduce(0) { $0 + $1.count } }

    package init() {}

    /// Reads it anew; the flow is carried on.
    package mutating func update(_ connection: PostgresConnection) async throws {
        report = try await StatusReport.read(connection)
        try await flow.update(connection)
        let reasons = try await connection.execute(
            "SELECT reason, count(*) FROM quarantine WHERE resolved_at IS NULL GROUP BY 1 ORDER BY 2 DESC, 1")
        quarantine = try reasons.map { row throws(PostgresError) in (try row.text(0), try row.int8(1)) }
        let counts = try await connection.execute(
            """
            SELECT (SELECT count(*) FROM (SELECT FROM conflicting_duplicates
                                          WHERE received_at > now() - interval '1 day' LIMIT 1001) c),
                   (SELECT count(*) FROM outbox_acts WHERE ended_at IS NULL), extract(epoch FROM now())::bigint, v.at, v.holds,
                   (SELECT extract(epoch FROM now() - committed_at)::bigint FROM ingest_batches WHERE received > 0
                    ORDER BY committed_at DESC LIMIT 1)
            FROM (SELECT) one LEFT JOIN (
                SELECT extract(epoch FROM verified_at)::bigint AS at, counted = expected AS holds
                FROM verifications ORDER BY id DESC LIMIT 1) v ON true
            """)
        conflicts = try counts[0].int8(0)
        openActs = try counts[0].int8(1)
        readAt = try counts[0].int8(2)
        silentFor = try counts[0].isNull(5) ? nil : try counts[0].int8(5)
        verified = try counts[0].isNull(3) ? nil : (try counts[0].int8(3), try counts[0].bool(4))
    }
}
