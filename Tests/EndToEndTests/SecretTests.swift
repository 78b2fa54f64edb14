import AMQP
import FoundationEssentials
import Glibc
import Postgres
import TestSupport
import Testing

/// Passwords that must be found nowhere: not in a log, not in what is answered, not in a table.
@Suite("Secrets") struct SecretTests {
    /// With everything that a URL has to have percent-encoded.
    private static let canary = "can@ry:b/i?r#d%41 7"
    private static let encoded = "can%40ry%3Ab%2Fi%3Fr%23d%2541%207"

    /// The beginnings of the canary in all the forms that it may take: as it is, encoded, decoded once too often.
    private static let forms = ["can@ry", "can%40ry", "ry:b/i", "ry%3Ab", "canary-"]

    private func expectNothing(in text: String, _ place: String, _ more: [String] = []) {
        for form in Self.forms + more {
            #expect(!text.contains(form), "\(place) gives away \(form)")
        }
    }

    @Test func areShownNowhereWhateverGoesWrong() async throws {
        try await World.with { world in
            let owner = try await world.database.connect()
            let roles: (TestRoles) async throws -> Void = { try await use($0, in: world) }
            try await TestRoles.with(
                world.database, owner, password: Self.encoded, plainPassword: Self.canary, roles)
            await owner.close()
        }
    }

    private func use(_ roles: TestRoles, in world: World) async throws {
        let broker = world.host.endpoint.password
        try await TemporaryFile.with(roles.url("relay") + "\n", ".secret") { file in
            let token = ["WRITER_HTTP_TOKEN": "canary-token", "RELAY_HTTP_TOKEN": "canary-token", "LOG_LEVEL": "trace"]
            let writer = try await world.writer(token.merging(["DATABASE_URL": roles.url("writer")]) { $1 })
            let relay = try await world.relay(
                token.merging(["DATABASE_URL": "", "DATABASE_URL_FILE": file]) { $1 })
            #expect(relay.log.contains("DATABASE_URL_FILE names a file that every user of this machine can read"))
            var candles = Candles()
            try await world.collector.publish(candles.next(50) + [Message(poison: Array("poison".utf8))])
            try await disturb(world, roles)
            try await world.collector.publish(candles.next(50))
            for program in [writer, relay] { try await program.becomes(ready: true) }
            // What is bad is kept twice if its commit's answer is lost with the connection.
            try await eventually("tables have something in them") {
                try await world.number(
                    """
                    SELECT least(1, (SELECT count(*) FROM quarantine))
                           + (SELECT count(*) FROM outbox_audit WHERE state = 'published')
                    """) == 101
            }
            for program in [writer, relay] {
                for path in ["/livez", "/readyz", "/metrics", "/canary"] {
                    expectNothing(in: await program.get(path)?.body ?? "", "\(program.name) \(path)", [broker])
                }
                let words = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(program.pid)/cmdline"))
                expectNothing(in: String(decoding: words, as: UTF8.self), "the command line", [broker])
                try await world.stop(program)
            }
            try await expectNothingInTables(world, broker)
        }
        for program in world.all { expectNothing(in: program.log + program.output, "\(program.name)", [broker]) }
    }

    /// Lost connections, a missing queue, a locked-out role.
    private func disturb(_ world: World, _ roles: TestRoles) async throws {
        try await world.host.delete(VirtualHost.outputQueue)
        for part in ["writer", "relay"] {
            let role = try #require(roles.names[part])
            try await world.query("ALTER ROLE \(role) NOLOGIN")
            try await world.query(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '\(role)'")
        }
        for program in world.running { try await program.becomes(ready: false) }
        for program in world.running {
            expectNothing(in: await program.get("/readyz")?.body ?? "", "\(program.name) /readyz")
        }
        for role in roles.names.values { try await world.query("ALTER ROLE \(role) LOGIN") }
    }

    private func expectNothingInTables(_ world: World, _ broker: String) async throws {
        let tables = try await world.query(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
        #expect(tables.count > 20)
        for row in 0..<tables.count {
            for form in Self.forms + [broker] {
                let table = tables.text(row, 0)
                let found = try await world.number(
                    "SELECT count(*) FROM \(table) t WHERE strpos(t::text, '\(form)') > 0")
                #expect(found == 0, "\(table) has \(form)")
            }
        }
    }

    /// Wrong addresses, each of which has a canary in it: name of a program and settings.
    private static let wrong: [[String: String]] = [
        ["DATABASE_URL": "postgresql://u:can@ry:b/i@127.0.0.1:1/x"],
        ["DATABASE_URL": "postgresql://u:canary-%zz@127.0.0.1:1/x"],
        ["DATABASE_URL": "postgresql://u:canary-%@127.0.0.1:1/x"],
        ["DATABASE_URL": "host=127.0.0.1 password=canary- x"],
        ["DATABASE_URL": "host=127.0.0.1 port=1 password=canary-x user=u"],
        ["DATABASE_URL": "postgresql://u:canary-1@127.0.0.1:canary-2/x"],
        ["DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x?canary-=1"],
        ["DATABASE_URL": "postgresql://u:\(encoded)@127.0.0.1:1/x"],
        ["AMQP_URL": "amqp://u:can@ry:b/i@127.0.0.1:1"], ["AMQP_URL": "amqp://u:canary-%zz@127.0.0.1:1"],
        ["AMQP_URL": "amqp://u:canary-?x@127.0.0.1:1"], ["AMQP_URL": "amqp://u:canary-#x@127.0.0.1:1"],
        ["AMQP_URL": "amqps://u:p@127.0.0.1:1/?canary-=1"], ["AMQP_URL": "canary-://u:p@127.0.0.1"],
        ["AMQP_URL": "amqp://u:canary-,x@127.0.0.1:1"], ["AMQP_URL": "amqp://u:canary-x@elsewhere"],
        ["AMQP_URL": "amqp://u:\(encoded)@127.0.0.1:1"],
    ]

    @Test func areNotInAnyComplaintAboutThem() async throws {
        let somewhere = [
            "DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "AMQP_URL": "amqp://u:p@127.0.0.1:1", "LOG_LEVEL": "trace",
        ]
        for settings in Self.wrong {
            for fromFile in [false, true] {
                try await TemporaryFile.with(settings.values.first ?? "", ".secret") { file in
                    var environment = somewhere.merging(settings) { $1 }
                    if fromFile, let name = settings.keys.first {
                        environment[name] = ""
                        environment[name + "_FILE"] = file
                    }
                    let program = try await Program(.writer, ["check"], environment: environment)
                    let exit = try await program.ended(within: .seconds(60))
                    #expect([.status(78), .status(69)].contains(exit), "\(settings): \(program.output)")
                    expectNothing(in: program.log + program.output, "\(settings)")
                }
            }
        }
    }

    /// What the servers say of a wrong password.
    @Test func aWrongPasswordIsNotRepeated() async throws {
        try await World.with(markets: 0) { world in
            let database = world.database.url.replacing(/:\/\/[^@]*@/, with: "://postgres:\(Self.encoded)@")
            let broker = world.host.url.replacing(/:\/\/[^@]*@/, with: "://candlepost:\(Self.encoded)@")
            let program = try await world.start(
                .writer, ["check"], settings: ["DATABASE_URL": database, "AMQP_URL": broker, "LOG_LEVEL": "trace"])
            #expect(try await program.ended(within: .seconds(60)) == .status(69))
            #expect(program.output.contains("password authentication failed"), "\(program.output)")
            #expect(program.output.contains("FAIL rabbitmq"))
            expectNothing(in: program.log + program.output, "writer check")
        }
    }
}
