import ArgumentParser
import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Rows that could not be published", .timeLimit(.minutes(10)))
struct ParkedRowsTests {
    /// Four rows, of which the first three are parked.
    private static let parked = """
        INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts, last_error)
        SELECT id, lane, 'parked', 1, 'too large' FROM outbox WHERE id <= 3
        """

    private func cursor(_ words: [String] = [], on connection: PostgresConnection) async throws -> RowCursor {
        try await RowCursor.open(OutboxFilter.parse(words).selection(), from: .parked, on: connection)
    }

    private func begin(
        _ act: ActRecord.Act, _ cursor: RowCursor, on connection: PostgresConnection
    ) async throws -> ActRecord {
        try await ActRecord.begin(act, selection: [], rows: cursor.count, why: nil, on: connection)
    }

    @Test func areChosenLikeAnyOthers() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.logNumbered(4, markets: [1, 2])
            try await connection.deliverAll()
            try await connection.script(Self.parked)
            #expect(try await cursor(on: connection).next(9).map(\.id) == [1, 2, 3])
            try await connection.script("CLOSE act_rows")
            #expect(try await cursor(["--market", "2"], on: connection).next(9).map(\.id) == [2])
            try await connection.script("CLOSE act_rows")
            try await connection.script("UPDATE outbox_exceptions SET published_at = now() WHERE outbox_id = 1")
            #expect(try await cursor(on: connection).next(9).map(\.id) == [2, 3])
        }
    }

    @Test(.enabled(if: TestBroker.url != nil)) func arePublishedOneByOneWhenTheyAreRetried() async throws {
        try await withMigratedDatabase { _, connection in
            try await TestBroker.withQueue { queue in
                try await connection.logNumbered(4)
                try await connection.deliverAll()
                try await connection.script(Self.parked)
                let cursor = try await cursor(on: connection)
                let interruption = Interruption()
                var retry = ParkedRetry(
                    record: try await begin(.retried, cursor, on: connection), cursor: cursor,
                    republisher: try await .test(queue), interruption: interruption)
                #expect(try await retry.run() == ParkedRetry.Ending(done: 3))
                let arrivals = try await Arrival.read(3, of: queue)
                #expect(arrivals.map(\.body) == ["1", "2", "3"])
                #expect(arrivals.allSatisfy { $0.headers["x-attempt"] == "2" })
                #expect(try await connection.number("SELECT count(*) FROM outbox_audit WHERE state = 'published'") == 4)
                #expect(
                    try await connection.texts(
                        "SELECT concat_ws(' ', act, rows, done, ended_at IS NULL) FROM outbox_acts")
                        == ["retried 3 3 f"])
                #expect(try await connection.number("SELECT count(*) FROM outbox_replays") == 3)
            }
        }
    }

    @Test func areSupersededWhenTheyAreDiscarded() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.logNumbered(4)
            try await connection.deliverAll()
            try await connection.script(Self.parked)
            let cursor = try await cursor(["--id", "1", "--id", "3"], on: connection)
            let record = try await begin(.discarded, cursor, on: connection)
            // Published by somebody else meanwhile: that stays.
            try await connection.script("UPDATE outbox_exceptions SET published_at = now() WHERE outbox_id = 3")
            #expect(try await ParkedDiscard(record: record, cursor: cursor, reason: "old news").run() == 1)
            #expect(
                try await connection.texts(
                    "SELECT state || ' ' || coalesce(last_error, '-') FROM outbox_audit ORDER BY id")
                    == ["superseded discarded: old news", "parked too large", "published too large", "published -"])
            #expect(try await connection.number("SELECT done FROM outbox_acts WHERE ended_at IS NOT NULL") == 1)
        }
    }
}
