import Postgres
import Records

/// Where rows can be, by lane: what is asked of the database before the first page.
struct AuditBounds: Sendable {
    struct Ends: Sendable, Equatable {
        let lane: Int
        /// The newest row of the lane.
        let newest: Int64
        /// Where the ledger's chain ends.
        let recordedUpTo: Int64
        /// The newest row that the chain went past, or is to go past.
        let newestException: Int64
    }

    /// The lanes' ends: a few looks at the keys.
    static func endsStatement(_ lanes: [Int]) -> Statement {
        Statement(
            """
            SELECT l.lane,
                   coalesce((SELECT id FROM outbox o WHERE o.lane = l.lane ORDER BY id DESC LIMIT 1), 0),
                   coalesce((SELECT upto_id FROM outbox_deliveries d WHERE d.lane = l.lane
                             ORDER BY after_id DESC LIMIT 1), 0),
                   coalesce((SELECT outbox_id FROM outbox_exceptions x WHERE x.lane = l.lane
                             ORDER BY outbox_id DESC LIMIT 1), 0)
            FROM unnest($1::smallint[]) AS l(lane)
            """, [.array(lanes.map(Int16.init))])
    }

    /// The first row at or above an id in any of the lanes, and its time.
    static func probeStatement(_ lanes: [Int], from id: Int64) -> Statement {
        Statement(
            """
            SELECT o.id, (extract(epoch FROM o.created_at) * 1000000)::bigint
            FROM unnest($1::smallint[]) AS l(lane) CROSS JOIN LATERAL (
                SELECT id, created_at FROM outbox WHERE lane = l.lane AND id >= $2 ORDER BY id LIMIT 1) o
            ORDER BY o.id LIMIT 1
            """, name: "audit_probe", [.array(lanes.map(Int16.init)), .int8(id)])
    }

    /// The last row at or below an id in any of the lanes.
    static func previousStatement(_ lanes: [Int], upTo id: Int64) -> Statement {
        Statement(
            """
            SELECT max(o.id) FROM unnest($1::smallint[]) AS l(lane) CROSS JOIN LATERAL (
                SELECT id FROM outbox WHERE lane = l.lane AND id <= $2 ORDER BY id DESC LIMIT 1) o
            """, name: "audit_previous", [.array(lanes.map(Int16.init)), .int8(id)])
    }

    /// The ids of each lane in which rows of a state can be, within `low ... high`.
    static func ranges(
        _ state: OutboxFilter.State?, _ ends: [Ends], low: Int64, high: Int64
    ) -> [IDWalk.LaneRange] {
        ends.map { end in
            switch state {
            case .pending: range(end.lane, max(low, end.recordedUpTo + 1), min(high, end.newest))
            case .published: range(end.lane, low, min(high, max(end.recordedUpTo, end.newestException)))
            case .parked, .superseded: range(end.lane, low, min(high, end.newestException))
            case nil: range(end.lane, low, min(high, end.newest))
            }
        }
    }

    private static func range(_ lane: Int, _ low: Int64, _ high: Int64) -> IDWalk.LaneRange {
        IDWalk.LaneRange(lane: lane, low: low, high: high)
    }
}
