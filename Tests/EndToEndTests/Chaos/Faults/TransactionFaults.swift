import Glibc
import Postgres
import TestSupport
import Testing

/// What goes wrong with single statements and transactions.
extension ChaosRound {
    /// The address of the database with settings for the session.
    private func databaseURL(_ options: String) -> String {
        let url = environment["DATABASE_URL"] ?? world.database.url
        return url + (url.contains("?") ? "&" : "?") + "options="
            + options.replacing("=", with: "%3D").replacing(" ", with: "%20")
    }

    func timeOutStatements() async throws -> Bool {
        let url = databaseURL("-c statement_timeout=50ms")
        let writer = try await replaceOne(ofWriters: true, by: ["DATABASE_URL": url])
        let isSeen = try await whileLocked("candle_sticks") {
            try await isSaid(by: [writer], "57014")
        }
        _ = try await end(writer, by: SIGTERM)
        writers[writers.firstIndex { $0 === writer }!] = try await startWriter()
        return isSeen
    }

    /// Whether `/readyz` of all of them names one of these soon.
    func isSaid(by programs: [Program], _ words: String...) async throws -> Bool {
        for program in programs {
            guard try await happens({ await says(program, words) }) else { return false }
        }
        return true
    }

    /// Whether `/readyz` names one of these now.
    func says(_ program: Program, _ words: [String]) async -> Bool {
        let body = await program.get("/readyz")?.body ?? ""
        return words.contains { body.contains($0) }
    }

    /// Whether the condition comes true in time: evidence, for want of which the round is void.
    func happens(
        within limit: Duration = .seconds(120), _ condition: () async throws -> Bool
    ) async throws -> Bool {
        do {
            try await eventually("it happens", within: limit, condition)
            return true
        } catch is TooLate {
            return false
        }
    }

    /// Runs `body` while nobody else can use the table.
    func whileLocked<R>(_ table: String, _ body: () async throws -> R) async throws -> R {
        let connection = try await world.database.connect(
            parameters: ["lock_timeout": "0", "idle_in_transaction_session_timeout": "0"])
        try await connection.script("BEGIN; LOCK TABLE \(table) IN ACCESS EXCLUSIVE MODE")
        do {
            let result = try await body()
            try await connection.script("COMMIT")
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Locks what the writer needs last, waits until it waits for that, and asks for what it has.
    func makeDeadlock() async throws -> Bool {
        // The server ends the transaction whose patience ends first: the writer's.
        let connection = try await world.database.connect(
            parameters: ["lock_timeout": "0", "deadlock_timeout": "60s"])
        let before = try await deadlocks
        for _ in 0..<5 {
            try await connection.script("BEGIN; LOCK TABLE ingest_batches IN ACCESS EXCLUSIVE MODE")
            try await eventually("a writer waits") { try await world.waiters(for: "ingest_batches") > 0 }
            try await connection.script("LOCK TABLE candle_sticks IN ACCESS EXCLUSIVE MODE; COMMIT")
            if try await deadlocks > before { break }
        }
        await connection.close()
        try await eventually("the server has counted it") { try await deadlocks > before }
        return true
    }

    private var deadlocks: Int {
        get async throws {
            try await world.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        }
    }

    /// The sequences count, for what they count is not rolled back. A transaction for each table: with both in one, this session
    /// would meet writers in a deadlock.
    func failToSerialize() async throws -> Bool {
        let connection = try await world.database.connect(parameters: ["lock_timeout": "0"])
        for sql in [
            "CREATE SEQUENCE chaos_statements",
            "CREATE SEQUENCE chaos_commits",
            """
            CREATE FUNCTION chaos_fails() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
                IF random() < 0.25 THEN
                    PERFORM nextval(TG_ARGV[0]);
                    RAISE EXCEPTION 'chaos' USING ERRCODE = 'serialization_failure';
                END IF;
                RETURN NULL;
            END $$
            """,
            """
            CREATE TRIGGER chaos AFTER INSERT ON candle_sticks
                FOR EACH STATEMENT EXECUTE FUNCTION chaos_fails('chaos_statements')
            """,
            """
            CREATE CONSTRAINT TRIGGER chaos AFTER INSERT ON ingest_batches DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION chaos_fails('chaos_commits')
            """,
        ] { try await connection.script(sql) }
        try await eventually("transactions fail", within: .seconds(90)) {
            try await connection.execute(
                "SELECT (SELECT is_called FROM chaos_statements) AND (SELECT is_called FROM chaos_commits)"
            ).bool(0, 0)
        }
        for sql in [
            "DROP TRIGGER chaos ON candle_sticks", "DROP TRIGGER chaos ON ingest_batches", "DROP FUNCTION chaos_fails",
            "DROP SEQUENCE chaos_statements, chaos_commits",
        ] { try await connection.script(sql) }
        await connection.close()
        return true
    }

    /// The limit is too short for whoever leaves a transaction open while it waits for something else, and long enough for
    /// a program that gets no processor between two of its statements.
    func limitIdleTransactions() async throws -> Bool {
        let url = databaseURL("-c idle_in_transaction_session_timeout=2s")
        let writer = try await replaceOne(ofWriters: true, by: ["DATABASE_URL": url])
        let relay = try await replaceOne(ofWriters: false, by: ["DATABASE_URL": url])
        try await goOn(for: 100)
        // The limit is meant seriously.
        let idler = try await world.database.connect(
            parameters: ["idle_in_transaction_session_timeout": "2s"])
        try await idler.script("BEGIN")
        let pid = idler.backendProcessID
        try await eventually("an idler is ended") {
            try await world.number("SELECT count(*) FROM pg_stat_activity WHERE pid = \(pid)") == 0
        }
        await idler.close()
        for program in [writer, relay] where program.log.contains("25P03") {
            Issue.record("\(program.name) left a transaction open while it waited\n\(program.logEnd())")
        }
        return true
    }

    /// Waits until so many more are announced.
    func goOn(for count: Int) async throws {
        let before = world.gateway.distinctCount
        try await eventually("\(count) more are announced", within: .seconds(120)) {
            world.gateway.distinctCount >= before + count
        }
    }
}
