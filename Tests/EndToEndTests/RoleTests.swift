import Postgres
import TestSupport
import Testing

/// Both programs and their commands with the least that docs/security.md gives them, at both servers.
@Suite("Least privilege") struct RoleTests {
    private struct Cast {
        let world: World
        let roles: TestRoles

        func settings(_ part: String) -> [String: String] {
            [
                "DATABASE_URL": roles.url(part),
                "AMQP_URL": world.host.url(of: part == "writer" ? "least-writer" : "least-relay"),
            ]
        }

        /// Runs a command as a role.
        func run(_ part: String, _ words: String...) async throws -> Program {
            let name = try #require(Program.Name(rawValue: words[0]))
            let program = try await world.start(name, Array(words.dropFirst()), settings: settings(part))
            try await program.ended(within: .seconds(60))
            return program
        }

        /// Runs a command that must succeed.
        @discardableResult
        func act(_ part: String, _ words: String) async throws -> String {
            let list = words.split(separator: " ").map(String.init)
            let name = try #require(Program.Name(rawValue: list[0]))
            let program = try await world.start(name, Array(list.dropFirst()), settings: settings(part))
            let exit = try await program.ended(within: .seconds(60))
            #expect(exit == .status(0), "\(part): \(words)\n\(program.output)\n\(program.log)")
            return program.output
        }
    }

    private static let start: Int64 = 1_702_305_540_000

    private func withCast(_ body: (Cast) async throws -> Void) async throws {
        try await World.with { world in
            let owner = try await world.database.connect()
            try await world.host.declareAll()
            try await TestRoles.with(world.database, owner) { roles in
                try await body(Cast(world: world, roles: roles))
                for program in world.running { try await program.killNow() }
            }
            await owner.close()
        }
    }

    @Test func theProgramsDoTheirWork() async throws {
        try await withCast { cast in
            let world = cast.world
            // The first partition is used up, so there is one to be made and one to be dropped.
            try await world.query("SELECT setval('outbox_id_seq', 6000000)")
            let writer = try await world.writer(cast.settings("writer"))
            let relay = try await world.relay(cast.settings("relay"))
            world.gateway.start()
            try await cast.act("writer", "writer check")
            try await cast.act("relay", "relay check")

            var candles = Candles()
            let unknown = Message(market: 1000, start: Self.start, fields: #""charts":[]"#)
            let poison = Message(poison: Array("not JSON".utf8))
            // Some come twice, one of them with other content.
            let first = candles.next(300)
            let other = Message(market: 1, start: Self.start, fields: #""charts":[[\#(Self.start),9,9,9,9,9]]"#)
            try await world.collector.publish(first + [unknown, poison] + first.prefix(10) + [other])
            try await eventually("all are announced") { world.gateway.distinctCount >= 300 }
            try await eventually("partitions are made and dropped") {
                try await world.number(
                    """
                    SELECT (SELECT count(*) FROM outbox_partitions WHERE from_id = 15000001)
                           + (SELECT count(*) FROM outbox_pruned)
                    """) == 2
            }
            try await importMarket(cast)
            try await eventually("its message is announced") { world.gateway.distinctCount == 301 }
            try await operate(cast)
            for program in [relay, writer] {
                try await world.stop(program)
                for word in ["42501", "permission denied", "ACCESS_REFUSED", "\"level\":\"error\""] {
                    #expect(!program.log.contains(word), "\(program.logEnd())")
                }
            }
            try await supersede(cast)
            try await read(cast)
        }
    }

    private func importMarket(_ cast: Cast) async throws {
        let header = "exchange_id,external_exchange_id,exchange_name,id,external_market_id,symbol,base,quote,active"
        _ = try await TemporaryFile.with("\(header)\n1,binance,Binance,1000,M,M/USDT,M,USDT,true\n", ".csv") { file in
            try await cast.act("operator", "writer markets import \(file)")
        }
    }

    /// What operators do while the programs run.
    private func operate(_ cast: Cast) async throws {
        #expect(
            try await cast.act("operator", "relay replay --market 1 --limit 2 --yes --reason test").contains(
                "replayed 2"))
        #expect(
            try await cast.act("operator", "writer quarantine requeue --refused not_json --yes").contains(
                "still refused 1"))
        #expect(
            try await cast.act("operator", "writer quarantine discard --refused not_json --yes --reason test")
                .contains("discarded 1"))
        try await cast.act("operator", "relay prune --retention 1h")
    }

    /// Without a relay, so that there is something pending.
    private func supersede(_ cast: Cast) async throws {
        let writer = try await cast.world.writer(cast.settings("writer"))
        let late = (1...5).map {
            Message(market: 2, start: Self.start + 86_400_000 + $0 * 60_000, fields: #""charts":[]"#)
        }
        try await cast.world.collector.publish(late)
        let pending = "SELECT count(*) FROM outbox_audit WHERE state = 'pending'"
        try await eventually("they are stored") { try await cast.world.number(pending) == 5 }
        #expect(
            try await cast.act(
                "operator", "relay supersede --market 2 --until 2100-01-01T00:00:00Z --yes --reason test"
            ).contains("4"))
        #expect(try await cast.world.number(pending) == 1)
        try await cast.world.query(
            """
            INSERT INTO outbox_exceptions (outbox_id, lane, state, last_error)
            SELECT id, lane, 'parked', 'test' FROM outbox_audit WHERE state = 'pending'
            """)
        try await cast.act("operator", "relay parked discard --market 2 --yes --reason test")
        #expect(try await cast.world.number("SELECT count(*) FROM outbox_audit WHERE state = 'superseded'") == 5)
        try await cast.world.stop(writer)
        let relay = try await cast.world.relay(cast.settings("relay"))
        try await eventually("the chain goes past them") { try await cast.world.number(pending) == 0 }
        try await cast.world.stop(relay)
    }

    /// Whoever only reads can hold the promises against the database, and change nothing.
    private func read(_ cast: Cast) async throws {
        for command in [
            "relay verify", "relay status", "relay audit --limit 0", "relay audit --id 6000001", "relay parked list",
            "writer quarantine list --all", "writer quarantine show 1", "writer conflicts",
        ] {
            try await cast.act("auditor", command)
        }
        for words in [["relay", "replay", "--market", "1", "--yes"], ["relay", "prune", "--retention", "1h"]] {
            let name = try #require(Program.Name(rawValue: words[0]))
            let program = try await cast.world.start(
                name, Array(words.dropFirst()), settings: cast.settings("auditor"))
            #expect(try await program.ended(within: .seconds(60)) == .status(1), "\(words)")
            #expect(program.log.contains("permission denied"), "\(words): \(program.log)")
        }
    }

    /// Rights that are missing make the programs say so, wait, and go on when they come.
    @Test func aMissingRightIsNamedAndWaitedFor() async throws {
        try await withCast { cast in
            let world = cast.world
            let role = try #require(cast.roles.names["writer"])
            try await world.query("REVOKE INSERT ON candle_sticks FROM \(role)")
            let check = try await cast.run("writer", "writer", "check")
            #expect(check.exit == .status(1))
            #expect(check.output.contains("FAIL rights: missing: INSERT on candle_sticks"), "\(check.output)")
            let writer = try await world.start(.writer, settings: cast.settings("writer"))
            let relay = try await world.relay(cast.settings("relay"))
            world.gateway.start()
            var candles = Candles()
            try await world.collector.publish(candles.next(10))
            try await eventually("the writer says what is missing") {
                await writer.get("/readyz")?.body.contains("permission denied for table candle_sticks") == true
            }
            #expect(try await world.number("SELECT count(*) FROM quarantine") == 0)
            try await world.query("GRANT INSERT ON candle_sticks TO \(role)")
            try await world.check([relay, writer]) { $0.minimum = 10 }
        }
    }
}
