import Postgres
import ProgramRuntime
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Retention", .timeLimit(.minutes(10)))
struct RetentionTests {
    private static let week = Duration.seconds(7 * 86_400)

    private func run(_ connection: PostgresConnection) async throws -> [Retention.Step] {
        try await Retention.run(connection, retention: Self.week, by: "somebody")
    }

    /// Two rows that are eight days old; the partition that they are in is closed by the first look.
    private func age(_ connection: PostgresConnection) async throws {
        try await connection.logNumbered(2, markets: [1, 2])
        try await connection.script("UPDATE outbox SET created_at = now() - interval '8 days'")
    }

    /// The others don't wait: what holds it up would have them pile up on the server.
    @Test func oneSessionAtATimeLooksAfterPartitions() async throws {
        try await withMigratedDatabase { database, connection in
            let other = try await database.connect()
            #expect(try await Retention.begin(connection))
            #expect(try await Retention.begin(other) == false)
            await connection.close()
            while try await Retention.begin(other) == false { await Task.yield() }
        }
    }

    @Test func whatIsOldAndPublishedIsDropped() async throws {
        try await withMigratedDatabase { _, connection in
            try await age(connection)
            try await connection.deliverAll()
            let name = try await connection.texts("SELECT name::text FROM outbox_partitions ORDER BY from_id")[0]
            #expect(try await run(connection) == [.closed, .made(1), .dropped(partition: name, rows: 2)])
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 0)
            #expect(
                try await connection.texts("SELECT pruned_by || ' ' || rows FROM outbox_pruned") == [
                    "postgres (somebody) 2"
                ])
            #expect(try await run(connection) == [])
            // The chain goes on behind it.
            try await connection.logNumbered(1)
            #expect(try await connection.number("SELECT id FROM outbox") == 5_000_001)
        }
    }

    /// Messages that nobody has decided on stay, whatever their age; what goes stands as a sum, so that the promises hold.
    @Test func whatIsKeptForPeopleIsDroppedWhenItIsOld() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 12000, 0, 0, 12000);
                INSERT INTO quarantine (queue, reason, detail, body, received_at)
                SELECT 'q', 'not_json', '', '', now() - interval '200 days' FROM generate_series(1, 12000);
                UPDATE quarantine SET resolution = 'discarded',
                    resolved_at = now() - CASE WHEN id <= 11000 THEN interval '100 days' ELSE interval '1 day' END
                WHERE id <= 11500;
                INSERT INTO conflicting_duplicates (record_type, market_id, interval_start, interval_end, payload, received_at)
                SELECT 'Trade', 1, 'epoch', 'epoch', '', now() - n * interval '60 days' FROM generate_series(1, 2) AS n;
                INSERT INTO outbox_acts (act, selection, rows, acted_by, ended_at)
                SELECT 'replayed', '', 1, '', now() - n * interval '300 days' FROM generate_series(1, 2) AS n;
                """)
            var kept = Retention.Kept()
            #expect(try await Retention.forget(connection, kept) == [])
            (kept.quarantine, kept.conflicts, kept.acts) = (
                .seconds(7_776_000), .seconds(7_776_000), .seconds(31_536_000)
            )
            #expect(try await Retention.forget(connection, kept) == [.forgot(rows: 11_002)])
            for (table, left) in [("quarantine", 1000), ("conflicting_duplicates", 1), ("outbox_acts", 1)] {
                #expect(try await connection.number("SELECT count(*) FROM \(table)") == left, "\(table)")
            }
            let verification = try await Verification.run(connection) { _, _ in }
            #expect(verification.broken.isEmpty && verification.totals.deletedByHand.isEmpty)
        }
    }

    /// Rows that somebody deletes break nothing, and are named for ever.
    @Test(arguments: ["DELETE FROM quarantine WHERE id <= 3", "TRUNCATE quarantine CASCADE"])
    func whatIsDeletedByHandIsNamed(_ sql: String) async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 3, 0, 0, 3);
                INSERT INTO quarantine (queue, reason, detail, body) SELECT 'q', 'not_json', '', '' FROM generate_series(1, 3);
                \(sql);
                """)
            let verification = try await Verification.run(connection) { _, _ in }
            #expect(verification.broken.isEmpty)
            #expect(verification.totals.deletedByHand.first?.hasPrefix("3 rows of quarantine by postgres at ") == true)
            #expect(VerificationText.lines(verification).contains("deleted by hand, and counted as that:"))
        }
    }

    @Test func oneAfterTheOtherIsDropped() async throws {
        try await withMigratedDatabase { _, connection in
            for end in [5_000_000, 10_000_000] {
                try await connection.logNumbered(3)
                _ = try await connection.execute("SELECT outbox_make_partitions(), setval('outbox_id_seq', \(end))")
            }
            try await connection.script("UPDATE outbox SET created_at = now() - interval '8 days'")
            try await connection.deliverAll()
            let steps = try await run(connection)
            #expect(steps.count { if case .dropped(_, rows: 3) = $0 { true } else { false } } == 2, "\(steps)")
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 0)
            #expect(try await connection.number("SELECT max(upto_id) FROM outbox_deliveries") == 5_000_003)
        }
    }

    @Test func whatIsPendingOrParkedStays() async throws {
        try await withMigratedDatabase { _, connection in
            try await age(connection)
            let first = try await run(connection)
            #expect(first.count == 3)
            guard case .kept(_?, let why)? = first.last else {
                Issue.record("\(first)")
                return
            }
            #expect(why.contains("pending"))
            try await connection.deliverAll()
            try await connection.script(
                "INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (1, 9, 'parked')")
            #expect("\(try await run(connection)[0])".contains("1 rows are parked"))
            #expect(try await connection.number("SELECT count(*) FROM outbox") == 2)
        }
    }

    @Test func whatIsYoungIsNotTouched() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.logNumbered(2)
            try await connection.deliverAll()
            #expect(try await run(connection) == [.made(1)])
            #expect(try await run(connection) == [])
        }
    }

    /// Who reads the partition holds it up; the next call finds it again.
    @Test func whatIsBeingReadStaysForNow() async throws {
        try await withMigratedDatabase { database, connection in
            try await age(connection)
            try await connection.deliverAll()
            let reader = try await database.connect()
            try await reader.script("BEGIN; SELECT count(*) FROM outbox")
            let steps = try await run(connection)
            guard case .kept(nil, _)? = steps.last else {
                Issue.record("\(steps)")
                return
            }
            #expect(try await connection.number("SELECT count(*) FROM outbox_pruned") == 0)
            try await reader.script("COMMIT")
            guard case .dropped? = try await run(connection).last else {
                Issue.record("it stays")
                return
            }
        }
    }

    @Test func theSettingMayBeOff() throws {
        func read(_ text: String?) throws -> Duration? {
            try SettingsReader(environment: text.map { ["OUTBOX_RETENTION": $0] } ?? [:])
                .read(RelaySettings.retentionSetting)
        }
        #expect(try read(nil) == .seconds(7 * 86_400))
        #expect(try read("36h") == .seconds(36 * 3600))
        #expect(try read("off") == nil)
        for bad in ["59m", "0", "never", "4000d"] { #expect(throws: SettingError.self) { try read(bad) } }
        #expect(RelaySettings.all.contains { $0.name == "OUTBOX_RETENTION" })
    }
}
