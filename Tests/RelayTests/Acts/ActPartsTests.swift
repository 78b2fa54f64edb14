import ArgumentParser
import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Windows of different markets")
struct SeriesWindowTests {
    private func ids(_ windows: [ArraySlice<OutboxRow>]) -> [[Int64]] { windows.map { $0.map(\.id) } }

    @Test func noMarketAndKindIsTwiceInOne() {
        let rows: [OutboxRow] = [
            .make(1, market: 1), .make(2, market: 2), .make(3, market: 1, kind: 1), .make(4, market: 2),
            .make(5, market: 1),
            .make(6, market: 1),
        ]
        #expect(ids(SeriesWindows.cut(rows, limit: 100)) == [[1, 2, 3], [4, 5], [6]])
    }

    @Test func noneIsLongerThanTheLimit() {
        let rows = (1...5).map { OutboxRow.make(Int64($0), market: Int32($0)) }
        #expect(ids(SeriesWindows.cut(rows, limit: 2)) == [[1, 2], [3, 4], [5]])
        #expect(ids(SeriesWindows.cut(rows, limit: 5)) == [[1, 2, 3, 4, 5]])
        #expect(SeriesWindows.cut([], limit: 5).isEmpty)
    }
}

@Suite("The rate of an act")
struct PaceTests {
    @Test func windowsOfATwentiethOfASecond() {
        #expect(Pace(rate: 500).windowSize == 25)
        #expect(Pace(rate: 3).windowSize == 1)
        #expect(Pace(rate: 1_000_000).windowSize == 1000)
        #expect(Pace(rate: 0).windowSize == 1000)
    }

    @Test func whatIsAheadOfTheRateWaits() {
        let start = ContinuousClock.now
        var pace = Pace(rate: 10, at: start)
        #expect(pace.done(20, at: start + .milliseconds(500)) == .milliseconds(1500))
        #expect(pace.done(10, at: start + .seconds(2)) == .seconds(1))
        var fast = Pace(rate: 0)
        #expect(fast.done(1_000_000) == .zero)
    }

    @Test func timeThatWasLostIsNotCaughtUpWith() {
        let start = ContinuousClock.now
        var pace = Pace(rate: 10, at: start)
        #expect(pace.done(10, at: start + .seconds(60)) == .zero)
        #expect(pace.done(10, at: start + .seconds(60)) == .seconds(1))
    }
}

@Suite("An operator's interruption", .timeLimit(.minutes(10)))
struct InterruptionTests {
    @Test func endsAPause() async {
        let interruption = Interruption()
        async let pause: Void = interruption.sleep(for: .seconds(3600))
        interruption.request(2)
        await pause
        #expect(interruption.isRequested && interruption.requestedBy == 2)
        await interruption.sleep(for: .seconds(3600))
    }

    @Test func aPauseEndsByItself() async {
        let interruption = Interruption()
        await interruption.sleep(for: .milliseconds(1))
        await interruption.sleep(for: .milliseconds(1))
        #expect(!interruption.isRequested)
    }
}

@Suite("The rows of an act", .timeLimit(.minutes(10)))
struct RowCursorTests {
    @Test func areThoseOfTheBeginning() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.logNumbered(5)
            try await connection.deliverAll(upTo: 4)
            let selection = try OutboxFilter.parse(["--state", "published"]).selection()
            let cursor = try await RowCursor.open(selection, on: connection)
            #expect(cursor.count == 4)
            #expect(try await cursor.next(3).map(\.id) == [1, 2, 3])
            let other = try await database.connect()
            try await other.script(
                "INSERT INTO outbox_deliveries VALUES (9, 4, 5, 1, 'r'); DELETE FROM outbox WHERE id = 4")
            #expect(try await cursor.next(3).map(\.id) == [4])
            #expect(try await cursor.next(3).isEmpty)
            try await cursor.close()
            let limited = try await RowCursor.open(selection, limit: 2, on: connection)
            #expect(limited.count == 2)
        }
    }

    /// A partition can be dropped while an act is at work.
    @Test func holdNoLock() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.logNumbered(1)
            _ = try await RowCursor.open(OutboxFilter.parse([]).selection(), on: connection)
            let locks = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'outbox'::regclass"
            #expect(try await connection.number(locks) == 0)
        }
    }

    @Test func knowTheirNextAttempt() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.logNumbered(3)
            try await connection.deliverAll(upTo: 2)
            try await connection.script(
                """
                INSERT INTO outbox_acts (act, selection, rows, acted_by) SELECT 'replayed', '', 1, 'x' FROM generate_series(1, 2);
                INSERT INTO outbox_replays VALUES (2, 1), (2, 2);
                INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts) VALUES (3, 9, 'parked', 4);
                """)
            let cursor = try await RowCursor.open(OutboxFilter.parse([]).selection(), on: connection)
            #expect(try await cursor.next(9).map(\.attempt) == [2, 4, 5])
        }
    }

    @Test func areReadInPiecesOfABoundedSize() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.logNumbered(6, markets: [1, 2])
            try await connection.script(
                "UPDATE outbox SET body = repeat('x', 1000); UPDATE outbox SET body = repeat('x', 90000) WHERE id = 4")
            let cursor = try await RowCursor.open(OutboxFilter.parse([]).selection(), on: connection)
            let page = try await cursor.next(100)
            try await connection.script("DELETE FROM outbox WHERE id = 2")
            var encoder = MessageEncoder(queue: "q")
            let rows = ActRows(connection: connection, bytesAtOnce: 2000)
            var pieces: [[Int64]] = []
            var rest = page[...]
            while let last = try await rows.read(rest, &encoder).map({ row in row.id }).last {
                pieces.append(try await rows.read(rest, &encoder).map(\.id))
                rest = rest.drop { $0.id <= last }
            }
            #expect(pieces == [[1, 3], [4], [5, 6]])
        }
    }
}
