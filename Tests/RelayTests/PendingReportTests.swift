import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("How far behind the relays are", .timeLimit(.minutes(10)))
struct PendingReportTests {
    @Test func nothingIsPendingInAnEmptyLog() async throws {
        try await withMigratedDatabase { _, connection in
            let report = try await PendingReport.read(connection)
            #expect(report.rows == 0 && report.isExact && report.oldestAge == 0)
        }
    }

    @Test func whatTheLedgerHasIsNotPending() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.log([(0, 1), (0, 1), (1, 2), (0, 1)])
            try await connection.script("UPDATE outbox SET created_at = now() - interval '1 hour' WHERE id <= 2")
            #expect(try await PendingReport.read(connection).rows == 4)
            #expect(try await PendingReport.read(connection).oldestAge >= 3600)
            try await connection.deliver(lane: 0, after: 0, upTo: 2, rows: 2)
            let report = try await PendingReport.read(connection)
            #expect(report.rows == 2 && report.isExact)
            #expect(report.oldestAge < 3600)
        }
    }

    /// A backlog that shrinks is no standstill, however old it is.
    @Test func aLaneStandsStillSinceItsLastConfirmOrSinceItsOldestRow() async throws {
        try await withMigratedDatabase { _, connection in
            #expect(try await PendingReport.read(connection).stillFor == 0)
            try await connection.log([(0, 1), (0, 1), (1, 2)])
            try await connection.script("UPDATE outbox SET created_at = now() - interval '1 hour' WHERE lane = 0")
            #expect(try await PendingReport.read(connection).stillFor >= 3600)
            try await connection.deliver(lane: 0, after: 0, upTo: 1, rows: 1)
            let moving = try await PendingReport.read(connection)
            #expect(moving.stillFor < 60 && moving.oldestAge >= 3600)
            try await connection.script("UPDATE outbox_deliveries SET confirmed_at = now() - interval '10 minutes'")
            let still = try await PendingReport.read(connection).stillFor
            #expect(still >= 600 && still < 660)
            try await connection.deliver(lane: 0, after: 1, upTo: 2, rows: 1)
            #expect(try await PendingReport.read(connection).stillFor < 60)
        }
    }

    @Test func upToAThousandRowsOfALaneAreCounted() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.log(Array(repeating: (3, 1), count: 1000))
            let exact = try await PendingReport.read(connection)
            #expect(exact.rows == 1000 && exact.isExact)
            try await connection.log([(3, 1)])
            #expect(try await PendingReport.read(connection).isExact == false)
        }
    }

    @Test func moreAreEstimatedFromTheIDs() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.log(count: 16 * 1500)
            let report = try await PendingReport.read(connection)
            #expect(!report.isExact)
            #expect((23_000...25_000).contains(report.rows))
        }
    }

    /// Ids that nobody drew, because a partition was closed early, are no rows.
    @Test func idsThatWereSkippedAreNotEstimated() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.log(count: 16 * 1500)
            try await connection.script(
                """
                SELECT setval('outbox_id_seq', 5000000);
                INSERT INTO outbox_gaps (from_id, upto_id) VALUES (24001, 5000001)
                """)
            try await connection.log(count: 16)
            let report = try await PendingReport.read(connection)
            #expect(!report.isExact)
            #expect((23_000...25_000).contains(report.rows))
            // A chain that ends within the gap has only what is left of it to subtract.
            for lane in 0..<16 {
                try await connection.deliver(lane: Int16(lane), after: 0, upTo: 4_000_000, rows: 1500)
            }
            #expect(try await PendingReport.read(connection).rows == 16)
            try await connection.log(count: 16 * 1500)
            let later = try await PendingReport.read(connection)
            #expect(!later.isExact && (23_000...25_000).contains(later.rows))
        }
    }

    @Test func aRowThatIsSupersededBeforeItsTurnIsNotPending() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.log([(0, 1), (0, 1), (1, 2)])
            try await connection.script(
                """
                UPDATE outbox SET created_at = now() - interval '1 hour' WHERE id = 1;
                INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (1, 0, 'superseded')
                """)
            let report = try await PendingReport.read(connection)
            #expect(report.rows == 2 && report.isExact && report.oldestAge < 3600)
        }
    }
}
