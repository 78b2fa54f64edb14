import Postgres

/// Reads the log: for each lane the rows after a given one, in order.
struct OutboxReader {
    /// Where a lane is to be read on.
    typealias Request = (lane: Int, afterID: Int64, limit: Int)

    /// The columns of ``statement(_:)``, by position.
    enum Column {
        static let lane = 0
        static let id = 1
        static let market = 2
        static let recordType = 3
        static let traceID = 4
        static let traceParent = 5
        static let createdAt = 6
        static let body = 7
    }

    /// Planner settings of the relay's connection. A statement is planned once and kept; planned while the log was empty
    /// it could sort the whole backlog at each read (measured on another outbox: 11 ms instead of 0.2 ms). With these
    /// the only plan is the walk along the key.
    static let plannerSettings = [
        "enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off", "jit": "off",
    ]

    static func statement(_ requests: [Request]) -> Statement {
        var lanes = BinaryArray(elementType: .int2, capacity: requests.count)
        var afterIDs = BinaryArray(elementType: .int8, capacity: requests.count)
        var limits = BinaryArray(elementType: .int4, capacity: requests.count)
        for request in requests {
            lanes.append(int2: Int16(request.lane))
            afterIDs.append(int8: request.afterID)
            limits.append(int4: Int32(request.limit))
        }
        return Statement(
            """
            SELECT o.lane, o.id, o.market_id, o.record_type, o.trace_id, o.traceparent, o.created_at, o.body
            FROM unnest($1::smallint[], $2::bigint[], $3::int[]) AS wanted(lane, after_id, n)
            CROSS JOIN LATERAL (
                SELECT * FROM outbox WHERE lane = wanted.lane AND id > wanted.after_id ORDER BY id LIMIT wanted.n
            ) o
            """,
            name: "read_outbox", [.array(lanes), .array(afterIDs), .array(limits)])
    }
}
