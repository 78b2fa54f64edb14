import Foundation
import Glibc
import TestSupport
import Testing

/// What changes while the programs run: secrets in files, the log level; and a terminal that is closed.
@Suite("Settings that change under way") struct SettingsChangeTests {
    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o600)
    }

    @Test(arguments: ["writer", "relay"]) func aSecretThatIsReplacedNeedsNoRestart(program: String) async throws {
        let name = try #require(Program.Name(rawValue: program))
        try await World.with(markets: 1) { world in
            let port = try SilentServer.unusedPort()
            let away = (database: "postgresql://127.0.0.1:\(port)/x", broker: "amqp://127.0.0.1:\(port)")
            try await TemporaryFile.with("", ".database") { database in
                try await TemporaryFile.with("", ".broker") { broker in
                    try write(away.database + "\n", to: database)
                    try write(away.broker, to: broker)
                    let run = try await world.start(
                        name,
                        settings: [
                            "DATABASE_URL": "", "AMQP_URL": "", "DATABASE_URL_FILE": database, "AMQP_URL_FILE": broker,
                        ])
                    try await eventually("the log says that a server is away", within: .seconds(10)) {
                        run.log.contains("unavailable, retrying") && run.log.contains("efused")
                    }
                    try write(world.database.url, to: database)
                    try await eventually("the broker is said to be away, too") {
                        run.log.components(separatedBy: "unavailable, retrying").count >= 3
                    }
                    try write(world.host.url, to: broker)
                    try await run.becomes(ready: true)
                    #expect(run.log.contains("connected"))
                    try await world.stop(run)
                }
            }
        }
    }

    @Test(arguments: ["writer", "relay"]) func aHangUpReadsTheLevelAgainAndEndsNothing(program: String) async throws {
        let name = try #require(Program.Name(rawValue: program))
        try await World.with(markets: 1) { world in
            try await TemporaryFile.with("info\n", ".level") { file in
                try write("info\n", to: file)
                let run =
                    name == .writer
                    ? try await world.writer(["LOG_LEVEL_FILE": file]) : try await world.relay(["LOG_LEVEL_FILE": file])
                try write("debug\n", to: file)
                run.kill(SIGHUP)
                try await eventually("the level is said") { run.log.contains(#""log.level":"debug""#) }
                try write("loud\n", to: file)
                run.kill(SIGHUP)
                try await eventually("what is wrong is said") { run.log.contains("invalid setting") }
                #expect(run.isRunning)
                try await run.becomes(ready: true)
                try await world.stop(run)
            }
        }
    }
}

@Suite("Hostile texts") struct HostileTextTests {
    private static let hostile = "\u{1B}]0;title\u{7}\u{1B}[2J\u{9B}2J\u{202E}\u{200B}=cmd"

    /// What could steer a terminal, or hide in it.
    private func expectSafe(_ text: String, _ place: String) {
        let unsafe = text.unicodeScalars.filter {
            ($0.value < 0x20 && $0 != "\n" && $0 != "\r") || (0x7F..<0xA0).contains($0.value)
                || [0x202E, 0x200B].contains($0.value)
        }
        #expect(unsafe.isEmpty, "\(place): \(unsafe)")
    }

    @Test func aQuarantinedMessageSteersNoTerminalAndItsBytesLeaveByAFlag() async throws {
        try await World.with(markets: 1) { world in
            let body = Array("{\"exchange\":\"\(Self.hostile)\n".utf8)
            let writer = try await world.writer()
            try await world.collector.publish([Message(poison: body)])
            try await eventually("it is quarantined") { try await world.number("SELECT count(*) FROM quarantine") == 1 }
            try await world.query(
                "UPDATE quarantine SET detail = E'\(Self.hostile.replacingOccurrences(of: "\u{1B}", with: "\\x1b"))'")
            let id = try await world.number("SELECT id FROM quarantine")
            for words in [["show", "\(id)"], ["list"], ["list", "--json"]] {
                let run = try await world.start(.writer, ["quarantine"] + words)
                #expect(try await run.ended() == .status(0))
                expectSafe(run.output + run.log, words.joined(separator: " "))
            }
            let raw = try await world.run("writer", "quarantine", "show", "\(id)", "--body")
            #expect(Array(raw.utf8) == body)
            let wrong = try await world.start(
                .writer, ["quarantine", "discard", "--reason", Self.hostile, "--id", "\(id)", "--yes"])
            #expect(try await wrong.ended() == .status(0))
            expectSafe(try await world.run("writer", "quarantine", "show", "\(id)"), "an act's reason")
            try await world.stop(writer)
        }
    }

    @Test(arguments: [
        ["writer", "quarantine", "discard", "--yes"], ["writer", "quarantine", "discard", "--yes", "--id", "1"],
        ["writer", "quarantine", "requeue", "--yes"], ["relay", "parked", "discard", "--yes", "--reason", "x"],
        ["relay", "parked", "discard", "--yes", "--id", "1"], ["writer", "quarantine", "list", "--refused", "not_jsn"],
        ["writer", "conflicts", "--kind", "Candle"], ["relay", "audit", "--since", "1h", "--until", "2h"],
        ["relay", "audit", "--since", "2026-02-01", "--until", "2026-01-01T00:00:00Z"],
        ["writer", "quarantine", "list", "--since", "5m", "--until", "5m"],
        ["writer", "quarantine", "list", "--limit=-1"],
    ])
    func actsNeedASelectionAndDiscardsAReason(words: [String]) async throws {
        let name = try #require(Program.Name(rawValue: words[0]))
        let run = try await Program(
            name, Array(words.dropFirst()),
            environment: ["DATABASE_URL": "postgresql://127.0.0.1:1/x", "AMQP_URL": "amqp://127.0.0.1:1"])
        #expect(try await run.ended() == .status(64), "\(run.log)")
    }

    @Test func whatIsLeftOutIsSaidAndZeroIsAll() async throws {
        try await World.with(markets: 1) { world in
            try await world.query(
                """
                INSERT INTO quarantine (queue, reason, detail, body)
                SELECT 'q', 'not_json', 'd', 'x' FROM generate_series(1, 60)
                """)
            for (limit, rows, isSaid) in [("50", 50, true), ("60", 60, false), ("0", 60, false)] {
                let run = try await world.start(.writer, ["quarantine", "list", "--json", "--limit", limit])
                #expect(try await run.ended() == .status(0))
                #expect(run.output.components(separatedBy: "\"queue\"").count - 1 == rows)
                #expect(run.log.contains("there are more rows") == isSaid, "\(run.log)")
            }
            let counted = try await world.start(.writer, ["quarantine", "discard"])
            #expect(try await counted.ended() == .status(0))
            #expect(counted.output == "60 open messages\n" && counted.log.contains("nothing done: repeat with --yes"))
        }
    }

    @Test func whatIsUnknownIsSaidAndMarketsAreListed() async throws {
        try await World.with(markets: 3) { world in
            for words in [
                ["audit", "--market", "4711"], ["audit", "--symbol", "M1USDT"],
                ["parked", "list", "--exchange", "binanc"],
                ["replay", "--market", "4711"], ["supersede", "--until", "1h", "--symbol", "?"],
                ["parked", "retry", "--id", "4711"],
            ] {
                let run = try await world.start(.relay, words)
                #expect(try await run.ended() == .status(1), "\(words)")
                #expect(run.log.contains("there is no market with") || run.log.contains("no parked row"), "\(run.log)")
            }
            #expect(
                try await world.run("relay", "audit", "--market", "3", "--since", "2h", "--until", "1h").contains("id"))
            let list = try await world.run("writer", "markets", "list", "--json", "--symbol", "M2/USDT")
            #expect(
                list == """
                    [
                    {"id":2,"exchange":"binance","external_market_id":"M2USDT","symbol":"M2/USDT","base":null,"quote":null,"active":true}
                    ]

                    """)
            let some = try await world.start(.writer, ["markets", "list", "--limit", "2"])
            #expect(try await some.ended() == .status(0))
            #expect(some.log.contains("there are more rows than the 2 shown"))
        }
    }
}
