import Glibc
import Postgres
import TestSupport
import Testing

@Suite("Commands") struct CommandTests {
    /// A command line, its settings, and the setting that the one line must name.
    private static let wrongSettings: [(Program.Name, [String], [String: String], String)] = [
        (.writer, [], ["WRITER_BATCH_SIZE": "0"], "WRITER_BATCH_SIZE"),
        (.writer, [], ["WRITER_BATCH_SIZE": "many"], "WRITER_BATCH_SIZE"),
        (.writer, ["--prefetch", "65536"], [:], "WRITER_PREFETCH"),
        (.writer, [], ["WRITER_KINDS": "CandleStick,Candle"], "WRITER_KINDS"),
        (.writer, [], ["WRITER_HTTP": "nowhere"], "WRITER_HTTP"),
        (.writer, [], ["DATABASE_URL": ""], "DATABASE_URL"),
        (.writer, [], ["AMQP_URL": "http://localhost"], "AMQP_URL"),
        (.writer, [], ["AMQP_URL": "amqp://rabbitmq"], "AMQP_URL"),
        (.relay, [], ["AMQP_URL": "amqps://rabbitmq,amqp://10.0.0.1"], "AMQP_URL"),
        (.relay, [], ["AMQP_URL": "amqps://rabbitmq?verify=no"], "AMQP_URL"),
        (.writer, [], ["AMQP_PLAINTEXT": "everywhere", "AMQP_URL": "amqp://rabbitmq"], "AMQP_PLAINTEXT"),
        (.writer, [], ["AMQP_URL": "", "AMQP_URL_FILE": "/nonexistent"], "AMQP_URL_FILE"),
        (.relay, [], ["RELAY_BATCH_SIZE": "31"], "RELAY_BATCH_SIZE"),
        (.relay, ["--poll-ms", "9"], [:], "RELAY_POLL_MS"),
        (.relay, [], ["SHUTDOWN_TIMEOUT": "soon"], "SHUTDOWN_TIMEOUT"),
        (.relay, [], ["LOG_LEVEL": "loud"], "LOG_LEVEL"),
        (.relay, [], ["LOG_FORMAT": "xml"], "LOG_FORMAT"),
        (.relay, ["verify"], ["DATABASE_URL": ""], "DATABASE_URL"),
        (.relay, ["prune"], ["OUTBOX_RETENTION": "59m"], "OUTBOX_RETENTION"),
        (.relay, ["replay", "--market", "1", "--retention", "x"], [:], "OUTBOX_RETENTION"),
    ]

    private static let somewhere = ["DATABASE_URL": "postgresql://127.0.0.1:1/x", "AMQP_URL": "amqp://127.0.0.1:1"]

    @Test func aWrongSettingIsNamedInOneLine() async throws {
        for (name, arguments, settings, setting) in Self.wrongSettings {
            let environment = Self.somewhere.merging(settings) { $1 }
            let program = try await Program(name, arguments, environment: environment)
            let exit = try await program.ended()
            let line = program.log
            #expect(exit == .status(78), "\(settings): \(line)")
            #expect(line.hasPrefix("\(name.rawValue): \(setting)"), "\(line)")
            #expect(line.split(separator: "\n").count == 1, "\(line)")
            #expect(program.output.isEmpty)
        }
    }

    /// The names and flags of the table that `--help` prints.
    private func table(_ name: Program.Name) async throws -> [(setting: String, flag: String)] {
        let help = try await Program(name, ["--help"])
        #expect(try await help.ended() == .status(0))
        return help.output.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard !line.hasPrefix(" "), words.count > 1, words[1].hasPrefix("--") else { return nil }
            return (String(words[0]), String(words[1]))
        }
    }

    @Test(arguments: ["writer", "relay"]) func everyFlagOfTheTableIsTakenByEveryCommand(program: String) async throws {
        let name = try #require(Program.Name(rawValue: program))
        let table = try await table(name)
        #expect(table.count >= 10)
        for (setting, flag) in table {
            for arguments in [
                [flag, String(repeating: "x", count: 300)], ["check", "\(flag)=\(String(repeating: "x", count: 300))"],
            ] {
                let run = try await Program(name, arguments, environment: Self.somewhere)
                #expect(try await run.ended() == .status(78), "\(flag): \(run.log)")
                #expect((run.log + run.output).contains("\(setting) (given as \(flag)) is"), "\(run.log)\(run.output)")
            }
        }
    }

    @Test(arguments: [
        (["LOG_LEVEL": "warn"], "LOG_LEVEL"), (["SHUTDOWN_TIMEOUT": "20"], "SHUTDOWN_TIMEOUT"),
        (["WRITER_HTTP": "9464"], "WRITER_HTTP"), (["WRITER_HTTP_TOKEN_FILE": "/nowhere"], "WRITER_HTTP_TOKEN_FILE"),
        (["LOG_FORMAT": "xml"], "LOG_FORMAT"),
    ])
    func checkRefusesWhatRunRefuses(settings: [String: String], named: String) async throws {
        for words in [["check"], []] {
            let program = try await Program(.writer, words, environment: Self.somewhere.merging(settings) { $1 })
            #expect(try await program.ended() == .status(78))
            #expect((program.output + program.log).contains("\(named) is "), "\(program.output)\(program.log)")
            #expect(!program.output.contains("ok   settings"))
        }
    }

    @Test func checkNamesAVariableThatIsNoSetting() async throws {
        let program = try await Program(
            .writer, ["check"], environment: Self.somewhere.merging(["WRITER_BATCH_SISE": "7"]) { $1 })
        #expect(try await program.ended() == .status(69))
        #expect(
            program.output.contains(
                "WARN settings: WRITER_BATCH_SISE is set, but is no setting and has no effect. Did you mean "
                    + "WRITER_BATCH_SIZE?"))
    }

    @Test(arguments: ["writer", "relay"]) func theVersionIsPrinted(program: String) async throws {
        let run = try await Program(try #require(Program.Name(rawValue: program)), ["--version"])
        #expect(try await run.ended() == .status(0))
        #expect(run.output.wholeMatch(of: /(writer|relay) [0-9]+[.][0-9]+[.][0-9]+\n/) != nil, "\(run.output)")
    }

    @Test(arguments: [
        ["writer", "--no-such-flag"], ["writer", "no-such-command"], ["writer", "feed"],
        ["writer", "markets", "import"],
        ["relay", "--no-such-flag"], ["relay", "status", "too", "much"], ["writer", "feed", "x", "--rate", "0"],
        ["relay", "replay"], ["relay", "replay", "--yes", "--limit", "5"],
        ["relay", "replay", "--id", "1", "--rate=-1"], ["relay", "replay", "--continue", "1", "--id", "1"],
        ["relay", "supersede", "--yes"],
        ["relay", "parked", "list", "--limit=-1"],
        ["relay", "audit", "--kind", "Candle"], ["relay", "audit", "--limit=-1"],
        ["relay", "audit", "--json", "--csv"],
    ])
    func wrongUsageIs64(words: [String]) async throws {
        let name = try #require(Program.Name(rawValue: words[0]))
        let program = try await Program(name, Array(words.dropFirst()), environment: Self.somewhere)
        #expect(try await program.ended() == .status(64), "\(program.log)")
        #expect(program.log.contains("Usage"))
    }

    @Test(arguments: [
        ["writer", "migrate"], ["writer", "markets", "import", "/dev/null.json"], ["writer", "feed", "-"],
        ["writer", "health"], ["writer", "check"], ["relay", "check"], ["relay", "status"], ["relay", "verify"],
        ["relay", "health"], ["relay", "replay", "--market", "1", "--yes"], ["relay", "parked", "list"],
        ["relay", "supersede", "--until", "1h"], ["relay", "prune"],
        ["relay", "audit"],
    ])
    func aServerThatIsAwayIs69(words: [String]) async throws {
        let port = try SilentServer.unusedPort()
        let settings = [
            "DATABASE_URL": "postgresql://u:secret@127.0.0.1:\(port)/x",
            "AMQP_URL": "amqp://u:secret@127.0.0.1:\(port)",
            "WRITER_HTTP": "127.0.0.1:\(port)", "RELAY_HTTP": "127.0.0.1:\(port)",
        ]
        try await TemporaryFile.with("[]", ".json") { markets in
            try await TemporaryFile.with("{}\n", ".ndjson") { lines in
                let name = try #require(Program.Name(rawValue: words[0]))
                let arguments = words.dropFirst().map { ["/dev/null.json": markets, "-": lines][$0] ?? $0 }
                let program = try await Program(name, arguments, environment: settings)
                #expect(try await program.ended(within: .seconds(60)) == .status(69), "\(program.log)")
                #expect(!program.log.contains("secret"))
            }
        }
    }

    @Test func severalMigrateAtOnce() async throws {
        try await withTestDatabase { database in
            let settings = ["DATABASE_URL": database.url]
            var programs: [Program] = []
            for _ in 1...4 { programs.append(try await Program(.writer, ["migrate"], environment: settings)) }
            for program in programs {
                #expect(try await program.ended(within: .seconds(60)) == .status(0), "\(program.log)")
            }
            let applied = programs.flatMap { $0.output.split(separator: "\n").filter { $0.hasPrefix("applied ") } }
            #expect(applied.count == Set(applied).count)
            #expect(!applied.isEmpty)
            let connection = try await database.connect()
            let rows = try await connection.execute("SELECT count(*), max(version)::bigint FROM schema_migrations")
            #expect(Int(rows.int8(0, 0)) == applied.count)
            #expect(rows.int8(0, 0) == rows.int8(0, 1))
            await connection.close()
        }
    }

    @Test func aRunningProgramSaysThatItIsHealthy() async throws {
        try await World.with { world in
            for program in [try await world.writer(), try await world.relay()] {
                let port = try #require(program.port)
                let name = try #require(Program.Name(rawValue: program.name))
                let setting = program.name == "writer" ? "WRITER_HTTP" : "RELAY_HTTP"
                let probe = try await Program(name, ["health"], environment: [setting: "127.0.0.1:\(port)"])
                #expect(try await probe.ended() == .status(0))
                #expect(probe.output == "ready\n")
                #expect(await program.get("/livez")?.status == 200)
                try await world.stop(program)
            }
        }
    }
}
