import Glibc
import Postgres
import TestSupport

/// What others do to the database, and what it runs out of.
extension ChaosRound {
    /// A writer whose role is an ordinary one, for superusers know no limit.
    func limitConnections() async throws -> Bool {
        let role = "\(world.database.name)_limited"
        let server = try await Self.server()
        try await server.script(
            """
            DO $$ BEGIN
                IF to_regrole('\(role)') IS NULL THEN CREATE ROLE \(role) LOGIN PASSWORD 'chaos'; END IF;
            END $$
            """)
        try await world.query("SELECT candlepost_grant('writer', '\(role)')")
        let url = environment["DATABASE_URL"] ?? world.database.url
        let host = url[url.firstRange(of: "@")!.lowerBound...]
        let writer = try await replaceOne(
            ofWriters: true, by: ["DATABASE_URL": "postgresql://\(role):chaos\(host)"])
        try await server.script("ALTER ROLE \(role) CONNECTION LIMIT 0")
        _ = try await endSessions("usename = '\(role)'")
        let isSeen = try await isSaid(by: [writer], "too many connections for role")
        try await linger()
        try await server.script("ALTER ROLE \(role) CONNECTION LIMIT -1")
        await server.close()
        try await writer.becomes(ready: true, within: .seconds(90))
        return isSeen
    }

    /// Somebody else's transaction that listens: the server keeps every notification until it ends.
    func listenInTransaction() async throws -> Bool {
        let listener = try await world.database.connect(
            parameters: ["idle_in_transaction_session_timeout": "0", "statement_timeout": "0"])
        try await listener.script("LISTEN candlepost_outbox")
        try await listener.script("BEGIN; SELECT count(*) FROM outbox")
        let pid = listener.backendProcessID
        try await goOn(for: 200)
        try await world.query("NOTIFY candlepost_outbox")  // theirs may be swallowed, by an earlier fault
        let isOpen = try await world.number(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = \(pid) AND state = 'idle in transaction'")
        try await listener.script("COMMIT")
        // What was rung meanwhile, the server has kept for it.
        let isRung = try await listener.nextNotification(timeout: .seconds(10))
        await listener.close()
        return isOpen == 1 && isRung
    }

    func beginLongTransaction() async throws -> Bool {
        let connection = try await world.database.connect(
            parameters: ["idle_in_transaction_session_timeout": "0", "statement_timeout": "0"])
        try await connection.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM outbox")
        held.append(connection)
        try await goOn(for: 100)
        return try await world.number(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE pid = \(connection.backendProcessID) AND backend_xmin IS NOT NULL
            """) == 1
    }

    func migrateAgain() async throws -> Bool {
        let migrators = [
            try await world.start(.writer, ["migrate"]), try await world.start(.writer, ["migrate"]),
        ]
        for migrator in migrators {
            guard try await migrator.ended(within: .seconds(60)) == .status(0) else { return false }
        }
        return true
    }

    /// With no relay there, or the entry would not be its lane's last when the next one begins.
    func removeLedgerEntry() async throws -> Bool {
        for relay in relays { _ = try await end(relay, by: SIGTERM) }
        let removed = try await world.query(
            """
            DELETE FROM outbox_deliveries WHERE (lane, after_id) IN (
                SELECT lane, max(after_id) FROM outbox_deliveries GROUP BY lane ORDER BY lane LIMIT 1)
            RETURNING rows::bigint
            """)
        let before = world.gateway.count - world.gateway.distinctCount
        for index in relays.indices { relays[index] = try await startRelay() }
        guard removed.count == 1 else { return false }
        let expected = Int(removed.int8(0, 0))
        try await eventually("they come again") {
            world.gateway.count - world.gateway.distinctCount >= before + expected
        }
        return true
    }

    /// A file system of its own for the candles, and something that fills it.
    func fillDisk() async throws -> Bool {
        let place = "/var/tmp/candlepost-\(world.database.name)"
        let server = try await Self.server()
        // As the server sees files: it may have a root and mounts of its own.
        let process = Int(server.backendProcessID)
        let table = try await world.database.connect(parameters: ["lock_timeout": "0"])
        let stored = try await table.execute("SELECT pg_total_relation_size('candle_sticks_first')")[0].int8(0)
        let owner = "$(stat --format=uid=%u,gid=%g /proc/\(process))"
        let there = "nsenter --target \(process) --mount --root"
        try await Self.shell(
            "\(there) mkdir \(place) && \(there) mount -t tmpfs -o size=\(stored + (8 << 20)),mode=700,\(owner) tmpfs \(place)"
        )
        defer { _ = umount2(place, Int32(MNT_DETACH)) }
        let space = world.database.name
        _ = try await server.execute("CREATE TABLESPACE \(space) LOCATION '\(place)'")
        _ = try await table.execute("ALTER TABLE candle_sticks_first SET TABLESPACE \(space)")
        try await fill(space, table)
        let isSeen = try await isSaid(by: writers, "53100")
        try await linger()
        _ = try await table.execute("DROP TABLE filler")
        try await writersBecomeReady()
        _ = try await table.execute("ALTER TABLE candle_sticks_first SET TABLESPACE pg_default")
        _ = try await server.execute("DROP TABLESPACE \(space)")
        await table.close()
        try await Self.shell("\(there) umount \(place) && \(there) rmdir \(place)")
        await server.close()
        return isSeen
    }

    /// The last pages one by one, so that none is left for a record.
    private func fill(_ space: String, _ connection: PostgresConnection) async throws {
        _ = try await connection.execute("CREATE TABLE filler (page text) TABLESPACE \(space)")
        for rows in [100, 10, 1] {
            while try await addPages(rows, connection) {}
        }
    }

    /// - Returns: false if they found no room.
    private func addPages(_ count: Int, _ connection: PostgresConnection) async throws -> Bool {
        do {
            _ = try await connection.execute(
                """
                INSERT INTO filler SELECT string_agg(md5(random()::text || page || n), '')
                FROM generate_series(1, \(count)) AS page, generate_series(1, 60) AS n GROUP BY page
                """)
            return true
        } catch {
            guard error.sqlstate == "53100" else { throw error }
            return false
        }
    }

    private static func shell(_ command: String) async throws {
        let run = try await Program(
            path: "/bin/bash", ["-c", command], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
        guard try await run.ended() == .status(0) else { throw TooLate(description: "\(command): \(run.log)") }
    }
}
