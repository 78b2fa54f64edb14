package import Postgres
package import ProgramRuntime
import Schema

/// A lane: who owns it, how far it is, how fast it goes.
package struct LaneStatus: Sendable, Equatable {
    package var lane: Int64 = 0
    package var relay: String?
    /// The lane's lock is held. The name in `lane_owners` is for people.
    package var isOwned = false
    package var claimedAt: String?
    package var recordedUpTo: Int64 = 0
    package var pending: Int64 = 0
    package var isExact = true
    package var oldestSeconds: Int64 = 0
    package var lastMinute: Int64 = 0
    package var parked: Int64 = 0
    package var lastConfirmedAt: String?
    package var lastQuarter: Int64 = 0
    package var superseded: Int64 = 0

    /// Up to so many pending rows of a lane are counted; where there are more, ``pending`` is a lower bound.
    private static let counted = 20_000

    package static let columns = [
        ListingColumn("lane", isNumber: true), ListingColumn("relay"), ListingColumn("is_owned"),
        ListingColumn("claimed_at"), ListingColumn("recorded_up_to", isNumber: true),
        ListingColumn("pending", isNumber: true), ListingColumn("oldest_pending_seconds", isNumber: true),
        ListingColumn("published_last_minute", isNumber: true), ListingColumn("parked", isNumber: true),
        ListingColumn("last_confirmed_at"), ListingColumn("published_last_15_minutes", isNumber: true),
        ListingColumn("superseded", isNumber: true), ListingColumn("pending_is_lower_bound"),
    ]

    /// What fits a terminal of 80 columns.
    package static let shortColumns = [
        ListingColumn("lane", isNumber: true), ListingColumn("relay"), ListingColumn("pending", isNumber: true),
        ListingColumn("oldest", isNumber: true), ListingColumn("1 min", isNumber: true),
        ListingColumn("15 min", isNumber: true), ListingColumn("parked", isNumber: true),
        ListingColumn("superseded", isNumber: true),
    ]

    package var shortRow: [ListingValue] {
        [
            .integer(lane), .text(isOwned ? StatusReport.short(relay ?? "somebody") : "nobody"),
            .text("\(pending)\(isExact ? "" : "+")"), .text(pending > 0 ? StatusReport.age(oldestSeconds) : ""),
            .integer(lastMinute), .integer(lastQuarter), .integer(parked), .integer(superseded),
        ]
    }

    /// Whether there is anything to say of it.
    package var isIdle: Bool { pending == 0 && lastQuarter == 0 && parked == 0 && superseded == 0 }

    package var row: [ListingValue] {
        [
            .integer(lane), .text(relay ?? ""), .bool(isOwned), claimedAt.map(ListingValue.text) ?? .null,
            .integer(recordedUpTo), .integer(pending), .integer(oldestSeconds), .integer(lastMinute), .integer(parked),
            lastConfirmedAt.map(ListingValue.text) ?? .null, .integer(lastQuarter), .integer(superseded),
            .bool(!isExact),
        ]
    }

    package static func read(_ connection: PostgresConnection) async throws(PostgresError) -> [LaneStatus] {
        let rows = try await connection.execute(query)
        return try rows.map { row throws(PostgresError) in
            LaneStatus(
                lane: try row.int8(0), relay: try row.optionalText(1), isOwned: try row.bool(2),
                claimedAt: try row.optionalText(3), recordedUpTo: try row.int8(4), pending: try row.int8(5),
                isExact: try row.bool(6), oldestSeconds: try row.int8(7), lastMinute: try row.int8(8),
                parked: try row.int8(9), lastConfirmedAt: try row.optionalText(10), lastQuarter: try row.int8(11),
                superseded: try row.int8(12))
        }
    }

    /// What was published lately stands at the end of each lane's chain. How far back is found by steps that double, so
    /// that the cost depends on what was published lately and not on the ledger's length.
    private static let query = """
        WITH RECURSIVE \(PendingReport.pendingByLane(counting: counted, isEstimated: false)),
        back (lane, after_id, step, is_recent) AS (
            SELECT lane, upto_id, 1024::bigint, upto_id > 0 FROM ends
            UNION ALL
            SELECT lane, after_id - step, step * 2, coalesce((
                SELECT confirmed_at > now() - interval '15 minutes' FROM outbox_deliveries d
                WHERE d.lane = back.lane AND d.after_id < back.after_id - step
                ORDER BY d.after_id DESC LIMIT 1), false)
            FROM back WHERE is_recent),
        recent AS MATERIALIZED (
            SELECT lane, r.minute, r.quarter FROM (SELECT lane, min(after_id) AS after_id FROM back GROUP BY lane) b
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(rows) FILTER (WHERE confirmed_at > now() - interval '1 minute'), 0) AS minute,
                       coalesce(sum(rows) FILTER (WHERE confirmed_at > now() - interval '15 minutes'), 0) AS quarter
                FROM outbox_deliveries d WHERE d.lane = b.lane AND d.after_id >= b.after_id) r),
        excepted AS MATERIALIZED (
            SELECT lane, count(*) FILTER (WHERE state = 'parked') AS parked,
                   count(*) FILTER (WHERE state = 'superseded') AS superseded
            FROM outbox_exceptions WHERE published_at IS NULL GROUP BY lane),
        held AS MATERIALIZED (
            SELECT objid::bigint AS lane FROM pg_locks
            WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid::bigint = \(AdvisoryLock.classID(AdvisoryLock.relayLane))
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        SELECT p.lane::bigint, o.relay, EXISTS (SELECT FROM held WHERE held.lane = p.lane), \(time("o.claimed_at")),
               p.upto_id, p.rows::bigint, p.is_exact,
               greatest(0, coalesce(extract(epoch FROM clock_timestamp() - p.oldest), 0))::bigint,
               r.minute::bigint, coalesce(x.parked, 0), \(time("p.confirmed_at")), r.quarter::bigint,
               coalesce(x.superseded, 0)
        FROM pending p JOIN recent r ON r.lane = p.lane
        LEFT JOIN lane_owners o ON o.lane = p.lane
        LEFT JOIN excepted x ON x.lane = p.lane
        ORDER BY p.lane
        """

    private static func time(_ column: String) -> String {
        "to_char(\(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    }
}
