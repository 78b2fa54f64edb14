import Postgres
import Records
import Schema
import Service

/// The relay's connection to the database, and what it holds there: lanes by advisory lock, and the ledger's ends.
struct LaneLedger: Sendable {
    /// A lane that this relay has taken.
    struct Claim: Sendable {
        let lane: Int
        /// Where the ledger's chain ends.
        let recordedUpTo: Int64
        /// The owner before did not stop in good order: what it published beyond the ledger is unknown.
        let isUnclean: Bool
        /// The database's time of the claim, milliseconds since 1970.
        let claimedAt: Int64
    }

    let connection: PostgresConnection
    let relay: String

    /// Takes the lanes that nobody holds. A lane's lock comes first and its ledger is read afterwards, so that no other
    /// relay can extend it any more.
    func claim(_ wanted: [Int]) async throws(PostgresError) -> [Claim] {
        var lanes = BinaryArray(elementType: .int4, capacity: wanted.count)
        for lane in wanted { lanes.append(int4: Int32(lane)) }
        let locked = try await connection.pipeline([
            Statement(
                "SELECT lane FROM unnest($2::int[]) AS lane WHERE pg_try_advisory_lock($1, lane)",
                name: "lock_free_lanes", [.int4(AdvisoryLock.relayLane), .array(lanes)])
        ])[0]
        guard locked.count > 0 else { return [] }
        return try await enter((0..<locked.count).map { Int(locked.int4($0, 0)) })
    }

    private func enter(_ lanes: [Int]) async throws(PostgresError) -> [Claim] {
        var array = BinaryArray(elementType: .int2, capacity: lanes.count)
        for lane in lanes { array.append(int2: Int16(lane)) }
        let rows = try await connection.pipeline([
            Statement(
                """
                WITH mine AS (SELECT unnest($1::smallint[]) AS lane),
                before AS (SELECT lane, released_at IS NULL AS unclean FROM lane_owners JOIN mine USING (lane)),
                entered AS (
                    INSERT INTO lane_owners (lane, relay) SELECT lane, $2 FROM mine
                    ON CONFLICT (lane) DO UPDATE SET relay = $2, claimed_at = now(), released_at = NULL)
                SELECT mine.lane,
                       coalesce((SELECT upto_id FROM outbox_deliveries d WHERE d.lane = mine.lane
                                 ORDER BY after_id DESC LIMIT 1), 0),
                       coalesce(before.unclean, false),
                       now()
                FROM mine LEFT JOIN before USING (lane)
                """,
                name: "enter_lanes", [.array(array), .text(relay)])
        ])[0]
        return (0..<rows.count).map {
            Claim(
                lane: Int(rows.int2($0, 0)), recordedUpTo: rows.int8($0, 1), isUnclean: rows.bool($0, 2),
                claimedAt: rows.timestampMilliseconds($0, 3))
        }
    }

    /// Says that the lanes were left in good order: all that was published is in the ledger.
    func release(_ lanes: [Int]) async throws(PostgresError) {
        var array = BinaryArray(elementType: .int2, capacity: lanes.count)
        for lane in lanes { array.append(int2: Int16(lane)) }
        _ = try await connection.execute(
            "UPDATE lane_owners SET released_at = now() WHERE lane = ANY($1) AND relay = $2",
            [.array(array), .text(relay)])
    }

    /// Extends the chains. Should another relay have extended one of them, the insert fails on the key (23505): this
    /// relay is no longer the owner and must stop.
    func record(_ entries: [PublishingWindow.LedgerEntry]) async throws(PostgresError) {
        var lanes = BinaryArray(elementType: .int2, capacity: entries.count)
        var afterIDs = BinaryArray(elementType: .int8, capacity: entries.count)
        var upToIDs = BinaryArray(elementType: .int8, capacity: entries.count)
        var counts = BinaryArray(elementType: .int4, capacity: entries.count)
        for entry in entries {
            lanes.append(int2: Int16(entry.lane))
            afterIDs.append(int8: entry.afterID)
            upToIDs.append(int8: entry.upToID)
            counts.append(int4: Int32(entry.rows))
        }
        Failpoint.reach("relay.before_mark")
        _ = try await connection.pipeline([
            Statement(
                """
                INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay)
                SELECT lane, after_id, upto_id, n, $5
                FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::int[]) AS t(lane, after_id, upto_id, n)
                """,
                name: "record_deliveries",
                [.array(lanes), .array(afterIDs), .array(upToIDs), .array(counts), .text(relay)])
        ])
        Failpoint.reach("relay.marked")
    }
}
