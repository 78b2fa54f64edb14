package import Postgres
import Records

/// What came in and went out lately, by ten seconds, from the two ledgers in the database.
package struct Flow: Sendable, Equatable {
    /// Sums of ten seconds.
    package struct Bucket: Sendable, Equatable {
        package var received: Int64 = 0
        package var stored: Int64 = 0
        package var duplicate: Int64 = 0
        package var quarantined: Int64 = 0
        package var announced: Int64 = 0
        /// The longest time from commit to confirm, in seconds.
        package var lag = 0.0

        package init() {}
    }

    /// Seconds of a bucket.
    package static let width: Int64 = 10
    /// Half an hour.
    package static let count: Int64 = 180

    /// By number: seconds since 1970, divided by the width.
    package private(set) var buckets: [Int64: Bucket] = [:]
    /// What each lane announced, by bucket.
    package private(set) var lanes: [[Int64: Int64]] = Array(repeating: [:], count: Lane.count)
    /// The bucket that is being filled, by the database's clock.
    package private(set) var now: Int64 = 0
    private var announcedUpTo: [Int64]?

    package init() {}

    /// The buckets from the oldest to the newest, those without anything, too.
    package var series: [Bucket] { (now - Self.count + 1...max(now, 1)).map { buckets[$0] ?? Bucket() } }

    /// A second's share over the last full minute.
    package func rate(_ value: (Bucket) -> Int64) -> Double {
        Double((now - 6..<now).reduce(0) { $0 + (buckets[$1].map(value) ?? 0) }) / Double(6 * Self.width)
    }

    /// Whether something came every other minute of the last half hour or more often: then a silence of minutes means something.
    package var isSteady: Bool { buckets.values.count { $0.received > 0 } >= 15 }

    /// Reads what has come since the last time.
    package mutating func update(_ connection: PostgresConnection) async throws {
        let after: [Int64]
        if let known = announcedUpTo {
            after = known
        } else {
            after = try await start(connection)
        }
        // Transactions that were under way at the last look carry the time of their begin.
        let first = now == 0 ? -Self.count + 1 : -3
        let ingest = try await connection.execute(
            Statement(Self.ingestQuery, name: "flow_ingest", [.int8(first)]))
        let answer = try await connection.execute(
            Statement(Self.deliveriesQuery, name: "flow_deliveries", [.array(after)]))
        let clock = try await connection.execute("SELECT extract(epoch FROM now())::bigint / \(Self.width)")
        try take(ingest: ingest, deliveries: answer, after: after, now: try clock[0].int8(0))
    }

    private mutating func take(ingest: Rows, deliveries: Rows, after: [Int64], now: Int64) throws(PostgresError) {
        for index in 0..<ingest.count {
            let row = ingest[index]
            let number = try row.int8(0)
            var bucket = buckets[number] ?? Bucket()
            bucket.received = try row.int8(1)
            bucket.stored = try row.int8(2)
            bucket.duplicate = try row.int8(3)
            bucket.quarantined = try row.int8(4)
            buckets[number] = bucket
        }
        var ends = after
        for index in 0..<deliveries.count {
            let row = deliveries[index]
            let (lane, number, rows) = (Int(try row.int4(0)), try row.int8(1), try row.int8(2))
            guard lanes.indices.contains(lane) else { continue }
            buckets[number, default: Bucket()].announced += rows
            buckets[number, default: Bucket()].lag = max(buckets[number]?.lag ?? 0, try row.double(3))
            lanes[lane][number, default: 0] += rows
            ends[lane] = max(ends[lane], try row.int8(4))
        }
        announcedUpTo = ends
        self.now = now
        buckets = buckets.filter { $0.key > now - Self.count }
        for lane in lanes.indices { lanes[lane] = lanes[lane].filter { $0.key > now - Self.count } }
    }

    /// Where each lane's ledger was half an hour ago, by steps that double.
    private func start(_ connection: PostgresConnection) async throws -> [Int64] {
        let rows = try await connection.execute(Self.startQuery)
        var after = Array(repeating: Int64(0), count: Lane.count)
        for index in 0..<rows.count {
            let lane = Int(try rows[index].int4(0))
            if after.indices.contains(lane) { after[lane] = max(0, try rows[index].int8(1)) }
        }
        return after
    }

    private static let ingestQuery = """
        SELECT extract(epoch FROM committed_at)::bigint / \(width), sum(received)::bigint, sum(stored)::bigint,
               sum(duplicate)::bigint, sum(quarantined)::bigint
        FROM ingest_batches
        WHERE committed_at >= to_timestamp((extract(epoch FROM now())::bigint / \(width) + $1) * \(width)) AND received > 0
        GROUP BY 1
        """

    /// The lag of an entry is that of its first row: the others were committed later.
    private static let deliveriesQuery = """
        SELECT d.lane::integer, extract(epoch FROM d.confirmed_at)::bigint / \(width), sum(d.rows)::bigint,
               coalesce(max(greatest(0, extract(epoch FROM d.confirmed_at - o.created_at))), 0)::double precision,
               max(d.upto_id)
        FROM unnest($1::bigint[]) WITH ORDINALITY AS l(after_id, n)
        CROSS JOIN LATERAL (
            SELECT * FROM outbox_deliveries WHERE lane = (l.n - 1)::smallint AND after_id >= l.after_id
            ORDER BY after_id LIMIT 5000) d
        LEFT JOIN LATERAL (
            SELECT created_at FROM outbox WHERE lane = d.lane AND id > d.after_id AND id <= d.upto_id
            ORDER BY id LIMIT 1) o ON true
        GROUP BY 1, 2
        """

    private static let startQuery = """
        WITH RECURSIVE back (lane, after_id, step, is_recent) AS (
            SELECT l.lane::smallint, coalesce((SELECT upto_id FROM outbox_deliveries WHERE lane = l.lane::smallint
                                     ORDER BY after_id DESC LIMIT 1), 0), 1024::bigint, true
            FROM generate_series(0, 15) AS l(lane)
            UNION ALL
            SELECT lane, after_id - step, step * 2, coalesce((
                SELECT confirmed_at > now() - interval '30 minutes' FROM outbox_deliveries d
                WHERE d.lane = back.lane AND d.after_id < back.after_id - step
                ORDER BY d.after_id DESC LIMIT 1), false)
            FROM back WHERE is_recent AND step < 4194304)
        SELECT lane::integer, min(after_id) FROM back GROUP BY lane
        """
}
