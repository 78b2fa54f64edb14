import Postgres
import ProgramRuntime
import Records
import Schema

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

    /// Settings of the session that holds the lanes. A relay that is stopped, in whatever state, loses it within 20 s, and its
    /// lanes with it: they are taken over, and what it writes later finds no session. It is heard of each second otherwise.
    static let sessionLimits = [
        "idle_session_timeout": "12s", "idle_in_transaction_session_timeout": "8s", "statement_timeout": "8s",
    ]

    let connection: PostgresConnection
    let relay: String

    /// Says that this relay is there, for as long as its connection lives.
    func announcePresence(key: Int32) async throws(PostgresError) {
        _ = try await connection.execute(
            "SELECT pg_advisory_lock(\(AdvisoryLock.inSchema(AdvisoryLock.relayPresence)), $1)", [.int4(key)])
    }

    /// Counts the relays that are there: sessions whose role may relay, as anybody can take a lock.
    func countRelays(key: Int32) async throws(PostgresError) -> LaneShare {
        let rows = try await connection.execute(
            Statement(
                """
                SELECT count(DISTINCT objid), count(DISTINCT objid) FILTER (WHERE objid::bigint < $1)
                FROM pg_locks JOIN pg_stat_activity a USING (pid)
                WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                  AND classid::bigint = \(AdvisoryLock.classID(AdvisoryLock.relayPresence))
                  AND has_any_column_privilege(a.usesysid, 'outbox_deliveries', 'INSERT')
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                """,
                name: "count_relays", [.int8(Int64(key))]))
        return LaneShare(relays: Int(try rows[0].int8(0)), rank: Int(try rows[0].int8(1)))
    }

    /// Takes lanes that nobody holds, at most `limit`. A lane's lock comes first and its ledger is read afterwards, so that no other
    /// relay can extend it any more.
    func claim(_ wanted: [Int], limit: Int = Lane.count) async throws(PostgresError) -> [Claim] {
        let locked = try await connection.execute(
            Statement(
                """
                SELECT lane FROM unnest($1::int[]) AS lane
                WHERE pg_try_advisory_lock(\(AdvisoryLock.inSchema(AdvisoryLock.relayLane)), lane) LIMIT $2
                """,
                name: "lock_free_lanes", [.array(wanted.map(Int32.init)), .int8(Int64(limit))]))
        guard locked.count > 0 else { return [] }
        let held = try locked.map { row throws(PostgresError) in Int(try row.int4(0)) }
        guard held.allSatisfy(wanted.contains) else {
            throw PostgresError(kind: .unexpectedAnswer, message: "the server locked a lane that was not asked for")
        }
        try await probe(held)
        return try await enter(held)
    }

    /// Makes sure that the ledger takes entries of these lanes, and undoes them: else all that is published would be repeated by
    /// each relay that comes after this one. A lane without a pending row has nothing to repeat.
    private func probe(_ lanes: [Int]) async throws(PostgresError) {
        _ = try await connection.pipeline([
            Statement("BEGIN", name: "begin"),
            Statement(
                """
                INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay, published_at)
                SELECT mine.lane, ends.upto_id, next.id, 1, $2, now()
                FROM unnest($1::smallint[]) AS mine(lane)
                CROSS JOIN LATERAL (
                    SELECT coalesce((SELECT upto_id FROM outbox_deliveries d WHERE d.lane = mine.lane
                                     ORDER BY after_id DESC LIMIT 1), 0) AS upto_id) AS ends
                CROSS JOIN LATERAL (
                    SELECT id FROM outbox o WHERE o.lane = mine.lane AND o.id > ends.upto_id ORDER BY id LIMIT 1) AS next
                """,
                name: "probe_ledger", [.array(lanes.map(Int16.init)), .text(relay)]),
            Statement("ROLLBACK", name: "rollback"),
        ])
    }

    private func enter(_ lanes: [Int]) async throws(PostgresError) -> [Claim] {
        let rows = try await connection.execute(
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
                name: "enter_lanes", [.array(lanes.map(Int16.init)), .text(relay)]))
        return try rows.map { row throws(PostgresError) in
            Claim(
                lane: Int(try row.int2(0)), recordedUpTo: try row.int8(1), isUnclean: try row.bool(2),
                claimedAt: try row.timestampMilliseconds(3))
        }
    }

    /// Leaves lanes; another relay may take them from now on.
    /// - Parameter clean: those of them that were left in good order: nothing was published that is not in the ledger.
    func release(_ lanes: [Int], clean: [Int]) async throws(PostgresError) {
        guard !lanes.isEmpty else { return }
        _ = try await connection.execute(
            Statement(
                "UPDATE lane_owners SET released_at = now() WHERE lane = ANY($1) AND relay = $2",
                name: "leave_lanes", [.array(clean.map(Int16.init)), .text(relay)]))
        _ = try await connection.execute(
            Statement(
                """
                SELECT pg_advisory_unlock(\(AdvisoryLock.inSchema(AdvisoryLock.relayLane)), lane)
                FROM unnest($1::smallint[]) AS lane
                """,
                name: "unlock_lanes", [.array(lanes.map(Int16.init))]))
    }

    /// Another relay has extended the chain; the server has become a standby.
    private static let endsOwnership: Set<String> = ["23505", "25006"]

    /// As ``record(_:)``. But an error of the server's leaves the lanes with this relay: it keeps what it published, and tries again.
    /// - Returns: the error; nil if there was none.
    func tryToRecord(_ entries: [LedgerEntry]) async throws(PostgresError) -> String? {
        do throws(PostgresError) {
            try await record(entries)
            return nil
        } catch {
            guard error.kind == .server, !Self.endsOwnership.contains(error.sqlstate ?? "") else { throw error }
            return "\(error)"
        }
    }

    /// Extends the chains. Should another relay have extended one of them, the insert fails on the key (23505): this
    /// relay is no longer the owner and must stop.
    func record(_ entries: [LedgerEntry]) async throws(PostgresError) {
        var lanes = BinaryArray(elementType: .int2, capacity: entries.count)
        var afterIDs = BinaryArray(elementType: .int8, capacity: entries.count)
        var upToIDs = BinaryArray(elementType: .int8, capacity: entries.count)
        var counts = BinaryArray(elementType: .int4, capacity: entries.count)
        var ages = BinaryArray(elementType: .double, capacity: entries.count)
        var excepted = BinaryArray(elementType: .int8, capacity: 0)
        let now = ContinuousClock.now
        for entry in entries {
            lanes.append(int2: Int16(entry.lane))
            afterIDs.append(int8: entry.afterID)
            upToIDs.append(int8: entry.upToID)
            counts.append(int4: Int32(entry.rows))
            if let published = entry.publishedAt {
                ages.append(double: (now - published) / .seconds(1))
            } else {
                ages.appendNull()
            }
            for id in entry.excepted { excepted.append(int8: id) }
        }
        Failpoint.reach("relay.before_mark")
        _ = try await connection.pipeline([
            Statement(
                """
                INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay, published_at)
                SELECT lane, after_id, upto_id, n, $5, now() - make_interval(secs => age)
                FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::int[], $6::double precision[])
                     AS t(lane, after_id, upto_id, n, age)
                """,
                name: "record_deliveries",
                [lanes, afterIDs, upToIDs, counts].map(Parameter.array) + [.text(relay), .array(ages)]),
            // A row that was superseded while it was on its way is published. Whoever supersedes locks the ledger, so what
            // he wrote is seen by now.
            Statement(
                """
                UPDATE outbox_exceptions x SET published_at = now(), relay = $4
                FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS t(lane, after_id, upto_id)
                WHERE x.lane = t.lane AND x.outbox_id > t.after_id AND x.outbox_id <= t.upto_id
                  AND x.published_at IS NULL AND x.outbox_id <> ALL($5::bigint[])
                """,
                name: "record_exceptions",
                [lanes, afterIDs, upToIDs].map(Parameter.array) + [.text(relay), .array(excepted)]),
        ])
        Failpoint.reach("relay.marked")
    }

    /// Puts rows aside; the chain goes past them. For the owner of their lanes only, before it has read them.
    func park(_ rows: [PoisonRows.Row]) async throws(PostgresError) {
        _ = try await connection.pipeline(
            rows.map {
                Statement(
                    """
                    INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts, last_error)
                    VALUES ($1, $2, 'parked', $3, $4) ON CONFLICT (outbox_id) DO NOTHING
                    """,
                    name: "park", [.int8($0.id), .int2(Int16($0.lane)), .int4($0.attempts), .text($0.reason)])
            })
    }
}
