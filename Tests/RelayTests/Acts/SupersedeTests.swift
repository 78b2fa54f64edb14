import ArgumentParser
import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Superseding older rows", .timeLimit(.minutes(10)))
struct SupersedeTests {
    private func supersede(
        _ words: [String] = ["--until", "0s"], on connection: PostgresConnection
    ) async throws -> Int {
        let filter = try OutboxFilter.parse(words)
        let cursor = try await Supersede.rows(filter, on: connection)
        let record = try await ActRecord.begin(
            .superseded, selection: filter.words, rows: cursor.count, why: nil, on: connection)
        let done = try await Supersede(record: record, cursor: cursor, reason: "a day without broker").run()
        try await cursor.close()
        return done
    }

    private func ids(_ state: String, on connection: PostgresConnection) async throws -> [Int64] {
        let rows = try await connection.execute(
            "SELECT id FROM outbox_audit WHERE state = $1 ORDER BY id", [.text(state)])
        return (0..<rows.count).map { rows.int8($0, 0) }
    }

    /// Ids 1 … 6: market 1 and 2 in turn; 7 … 9 trades of market 1; 1 is published.
    private func fill(_ connection: PostgresConnection) async throws {
        try await connection.logNumbered(6, markets: [1, 2])
        try await connection.logNumbered(3, kind: "Trade")
        try await connection.deliverAll(upTo: 1)
    }

    @Test func theNewestOfEachMarketAndKindStays() async throws {
        try await withMigratedDatabase { _, connection in
            try await fill(connection)
            let counts = try await Supersede.counts(.parse(["--until", "0s"]), on: connection)
            #expect(counts.map(\.kind) == ["CandleStick", "Trade"] && counts.map(\.rows) == [3, 2])
            #expect(try await supersede(on: connection) == 5)
            #expect(try await ids("superseded", on: connection) == [2, 3, 4, 7, 8])
            #expect(try await ids("pending", on: connection) == [5, 6, 9])
            #expect(try await ids("published", on: connection) == [1])
            #expect(
                try await connection.texts(
                    "SELECT concat_ws(' ', act, selection, rows, done, ended_at IS NULL) FROM outbox_acts")
                    == ["superseded --until 0s 5 5 f"])
            #expect(
                try await connection.texts("SELECT DISTINCT attempts || ' ' || last_error FROM outbox_exceptions")
                    == ["0 superseded: a day without broker"])
            #expect(try await supersede(on: connection) == 0)
        }
    }

    @Test func onlyWhatIsOldEnoughAndChosen() async throws {
        try await withMigratedDatabase { _, connection in
            try await fill(connection)
            try await connection.script(
                "UPDATE outbox SET created_at = now() - interval '3 hours' WHERE id IN (2, 5, 6, 7, 8, 9)")
            #expect(try await supersede(["--until", "2h", "--kind", "CandleStick"], on: connection) == 1)
            #expect(try await ids("superseded", on: connection) == [2])
            // What is newest is not asked of the chosen rows only.
            #expect(try await supersede(["--until", "2h", "--id", "9", "--id", "8"], on: connection) == 1)
            #expect(try await ids("superseded", on: connection) == [2, 8])
        }
    }

    @Test func whatIsParkedIsNotTheNewestPendingRow() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.logNumbered(3)
            try await connection.script(
                "INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (3, 9, 'parked')")
            #expect(try await supersede(on: connection) == 1)
            #expect(try await ids("pending", on: connection) == [2])
        }
    }

    /// A relay extends a chain while rows are chosen: those that it has published by then are left alone.
    @Test func aRelayThatIsFasterWins() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.logNumbered(5)
            let relay = try await database.connect()
            try await relay.script("BEGIN; INSERT INTO outbox_deliveries VALUES (9, 0, 2, 2, 'r')")
            async let done = supersede(on: connection)
            try await relay.waitUntil(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'outbox_deliveries'::regclass AND NOT granted)")
            try await relay.script("COMMIT")
            #expect(try await done == 2)
            #expect(try await ids("superseded", on: connection) == [3, 4])
            #expect(try await connection.texts("SELECT rows || ' ' || done FROM outbox_acts") == ["4 2"])
        }
    }

    /// While rows are noted no relay can extend a chain, and readers are not held up.
    @Test func relaysWaitMeanwhile() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.logNumbered(3)
            let filter = try OutboxFilter.parse(["--until", "0s"])
            let cursor = try await Supersede.rows(filter, on: connection)
            let record = try await ActRecord.begin(.superseded, selection: [], rows: 2, why: nil, on: connection)
            // A reader of the exceptions' key that holds up the noting in its midst.
            let holder = try await database.connect()
            try await holder.script("BEGIN; LOCK TABLE outbox_exceptions IN SHARE MODE")
            async let done = Supersede(record: record, cursor: cursor, reason: nil).run()
            try await holder.waitUntil(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'outbox_exceptions'::regclass AND NOT granted)")
            let relay = try await database.connect(parameters: ["lock_timeout": "50ms"])
            let error = try await #require(throws: PostgresError.self) {
                try await relay.deliver(lane: 9, after: 0, upTo: 1, rows: 1)
            }
            #expect(error.sqlstate == "55P03")
            #expect(try await relay.number("SELECT count(*) FROM outbox_deliveries") == 0)
            try await holder.script("COMMIT")
            #expect(try await done == 2)
            try await relay.deliver(lane: 9, after: 0, upTo: 3, rows: 3)
            #expect(
                try await Verification.run(connection).broken.filter { $0.name.hasPrefix("outbox rows") } == [])
        }
    }

    @Test func theDoorbellIsRung() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.logNumbered(2)
            let relay = try await database.connect()
            try await relay.listen(to: "candlepost_outbox")
            #expect(try await supersede(on: connection) == 1)
            #expect(try await relay.nextNotification(timeout: .seconds(30)))
        }
    }
}
