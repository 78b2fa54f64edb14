import ArgumentParser
import Glibc
import Postgres
import ProgramRuntime
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Publishing rows again", .enabled(if: TestBroker.url != nil), .timeLimit(.minutes(10)))
struct ReplayTests {
    /// A replay of these rows, to its end.
    private func replay(
        _ rows: LimitedFilter = try! .of("--kind", "CandleStick"), continuing act: Int64? = nil, why: String? = nil,
        to queue: String, rate: Int = 0, interruption: Interruption = Interruption(), notices: Notices = Notices(),
        on connection: PostgresConnection
    ) async throws -> Replay.Ending {
        let plan = ReplayPlan(rows: rows, continued: act, reason: why)
        let (cursor, begin) = try await plan.open(connection)
        let republisher = try await Republisher.test(queue, interruption: interruption, notices: notices)
        var replay = Replay(
            try await begin(), cursor, republisher: republisher, rate: rate, interruption: interruption)
        let ending = try await replay.run()
        try await cursor.close()
        return ending
    }

    private static let act = """
        SELECT concat_ws(' | ', act, selection, rows, done, why, ended_at IS NOT NULL) FROM outbox_acts ORDER BY id
        """

    @Test func theRowsOfAMarketComeInOrderWithTheirAttempt() async throws {
        try await withMigratedDatabase { _, connection in
            try await TestBroker.withQueue { queue in
                try await connection.logNumbered(12, markets: [1, 2])
                try await connection.deliverAll(upTo: 10)
                let ending = try await replay(
                    .of("--market", "2", "--since", "2026-01-01"), why: "the gateway lost them", to: queue,
                    on: connection)
                #expect(ending == Replay.Ending(done: 5, interruptedBy: nil))
                let arrivals = try await Arrival.read(5, of: queue)
                #expect(arrivals.map(\.body) == ["2", "4", "6", "8", "10"])
                #expect(
                    arrivals[0].headers == [
                        "x-market-id": "2", "x-attempt": "2", "x-possibly-redelivered": "true",
                    ])
                #expect(
                    try await connection.texts(Self.act) == [
                        "replayed | --market 2 --since 2026-01-01 | 5 | 5 | the gateway lost them | t"
                    ])
                #expect(
                    try await connection.number("SELECT count(*) FROM outbox_acts WHERE acted_by LIKE '%@%:%'") == 1)
                #expect(
                    try await connection.texts("SELECT outbox_id::text FROM outbox_replays ORDER BY 1")
                        == ["10", "2", "4", "6", "8"])
                _ = try await replay(.of("--id", "4"), to: queue, on: connection)
                #expect(try await Arrival.read(1, of: queue)[0].headers["x-attempt"] == "3")
            }
        }
    }

    @Test func allMarketsTogetherInTheOrderOfTheIds() async throws {
        try await withMigratedDatabase { _, connection in
            try await TestBroker.withQueue { queue in
                try await connection.logNumbered(60, markets: [1, 2, 3, 3, 2, 7])
                try await connection.deliverAll()
                _ = try await replay(.of("--limit", "50", "--kind", "CandleStick"), to: queue, on: connection)
                #expect(try await Arrival.bodies(50, of: queue) == (1...50).map { "\($0)" })
                #expect(try await TestBroker.shared.messageCount(queue) == 0)
            }
        }
    }

    @Test func pendingAndParkedRowsAreNotMeant() async throws {
        try await withGoodDatabase { _, connection in
            try await TestBroker.withQueue { queue in
                let ending = try await replay(.of("--until", "2100-01-01"), to: queue, on: connection)
                #expect(ending.done == 5)
                #expect(
                    try await connection.texts("SELECT outbox_id::text FROM outbox_replays ORDER BY outbox_id")
                        == ["1", "2", "3", "5", "6"])
            }
        }
    }

    @Test func aSupersededRowIsPublishedFromThenOn() async throws {
        try await withGoodDatabase { _, connection in
            try await TestBroker.withQueue { queue in
                _ = try await replay(.of("--state", "superseded"), to: queue, on: connection)
                #expect(try await Arrival.read(1, of: queue)[0].headers["x-attempt"] == nil)
                let row =
                    "SELECT concat_ws(' ', state, published_at > created_at, relay) FROM outbox_audit WHERE id = 3"
                let found = try await connection.texts(row)
                #expect(found.count == 1 && found[0].hasPrefix("published t ") && found[0].contains(":"), "\(found)")
                #expect(
                    try await connection.number("SELECT count(*) FROM outbox_audit WHERE state = 'superseded'") == 0)
                #expect(try await Verification.run(connection).broken == [])
            }
        }
    }

    /// The queue has room for two: the rest is refused until somebody takes messages, and no row overtakes another of
    /// its market.
    @Test func whatIsRefusedComesAgainInOrder() async throws {
        try await withMigratedDatabase { _, connection in
            let limits: [String: TestBroker.Argument] = [
                "x-max-length": .number(2), "x-overflow": .text("reject-publish"),
            ]
            try await TestBroker.withQueue(limits) { queue in
                try await connection.logNumbered(40, markets: [1, 2, 3, 4, 5])
                try await connection.deliverAll()
                let (refusals, refused) = AsyncStream<Void>.makeStream()
                let notices = Notices { _ in refused.finish() }
                async let ending = replay(to: queue, notices: notices, on: connection)
                for await _ in refusals {}
                let bodies = try await Arrival.bodies(40, of: queue).compactMap { Int($0) }
                #expect(try await ending.done == 40)
                for market in 0..<5 {
                    let own = bodies.filter { ($0 - 1) % 5 == market }
                    #expect(own == own.sorted() && own.count == 8)
                }
                #expect(notices.all.first?.contains("refuses messages") == true, "\(notices.all)")
                #expect(notices.all.last?.contains("accepts messages again") == true, "\(notices.all)")
            }
        }
    }

    @Test func aQueueThatIsGoneIsMadeAnew() async throws {
        try await withMigratedDatabase { _, connection in
            try await TestBroker.withQueue { queue in
                try await connection.logNumbered(3)
                try await connection.deliverAll()
                let notices = Notices()
                let (cursor, begin) = try await ReplayPlan(rows: .of("--market", "1")).open(connection)
                let republisher = try await Republisher.test(queue, notices: notices)
                try await TestBroker.shared.delete(queue)
                var replay = Replay(
                    try await begin(), cursor, republisher: republisher, rate: 0, interruption: Interruption())
                #expect(try await replay.run().done == 3)
                #expect(try await Arrival.bodies(3, of: queue) == ["1", "2", "3"])
                #expect(notices.all.first?.contains("is gone: 312") == true, "\(notices.all)")
            }
        }
    }

    /// The queue has room for three of five, so that the operator has time to stop it.
    @Test(arguments: [["--since", "2h"], ["--kind", "CandleStick", "--limit", "5"]])
    func whatWasInterruptedGoesOnWhereItStopped(words: [String]) async throws {
        try await withMigratedDatabase { _, connection in
            let limits: [String: TestBroker.Argument] = [
                "x-max-length": .number(3), "x-overflow": .text("reject-publish"),
            ]
            try await TestBroker.withQueue(limits) { queue in
                try await connection.logNumbered(5)
                try await connection.deliverAll()
                let interruption = Interruption()
                let notices = Notices { _ in interruption.request(SIGINT) }
                let ending = try await replay(
                    .parse(words), to: queue, interruption: interruption, notices: notices, on: connection)
                let stored = ending.done
                #expect(ending.interruptedBy == SIGINT && (3..<5).contains(stored))
                #expect(
                    try await connection.number("SELECT done FROM outbox_acts WHERE ended_at IS NULL") == Int64(stored))
                if words[1] == "2h" {
                    let selection = try await connection.texts("SELECT selection FROM outbox_acts")[0]
                    #expect(selection.hasPrefix("--since 20") && selection.hasSuffix("Z"), "\(selection)")
                }
                // What is published since is not what was meant.
                try await connection.logNumbered(1)
                try await connection.script("INSERT INTO outbox_deliveries VALUES (9, 5, 6, 1, 'r')")

                #expect(try await Arrival.bodies(stored, of: queue) == (1...stored).map(String.init))
                let (rest, _) = try await ReplayPlan(rows: .of(), continued: 1).open(connection)
                #expect(rest.count == 5 - stored)
                try await rest.close()
                #expect(try await replay(.of(), continuing: 1, to: queue, on: connection).done == 5 - stored)
                #expect(try await Arrival.bodies(5 - stored, of: queue) == (stored + 1...5).map(String.init))
                #expect(try await connection.number("SELECT done FROM outbox_acts WHERE ended_at IS NOT NULL") == 5)
            }
        }
    }

    @Test func onlyAReplayThatWasInterruptedIsContinued() async throws {
        try await withMigratedDatabase { database, connection in
            try await connection.script(
                """
                INSERT INTO outbox_acts (act, selection, rows, acted_by, ended_at)
                VALUES ('superseded', '', 1, 'x', NULL), ('replayed', '', 1, 'x', now()), ('replayed', '', 1, 'x', NULL)
                """)
            let other = try await database.connect()
            #expect(try await ActRecord(id: 3, connection: other).lock())
            for (act, words) in [(1, "not a replay"), (2, "complete"), (3, "at work"), (4, "no act")] {
                let error = try await #require(throws: CommandExit.self) {
                    try await ReplayPlan(rows: .of(), continued: Int64(act)).open(connection)
                }
                #expect(error.exitStatus == .no && error.description.contains(words), "\(error)")
            }
        }
    }

    @Test func keepsToItsRate() async throws {
        try await withMigratedDatabase { _, connection in
            try await TestBroker.withQueue { queue in
                try await connection.logNumbered(20, markets: [1, 2, 3, 4])
                try await connection.deliverAll()
                let start = ContinuousClock.now
                _ = try await replay(to: queue, rate: 40, on: connection)
                #expect(.now - start >= .milliseconds(450))
            }
        }
    }
}
