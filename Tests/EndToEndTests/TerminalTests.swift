import FoundationEssentials
import Glibc
import Postgres
import Records
import TestSupport
import Testing

/// What steers a terminal, forges a line or hides itself, in every place where text comes from elsewhere.
private enum Hostile {
    static let text = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[6n\u{9b}31m\u{202e}\u{200b}\r\nforged\u{8}\u{7f}"

    /// As a JSON string's content.
    static let json = text.unicodeScalars.map { scalar in
        "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
            + String(scalar.value, radix: 16)
    }.joined()

    /// Into every kind: as text of each field, as the name of one, and as bytes that are no JSON.
    static func messages(_ kind: RecordKind) -> [Message] {
        let names = "\"exchange\":\"\(json)\",\"symbol\":\"\(json)\",\"collectorTraceId\":\"\(json)\""
        let key = "\"marketId\":1,\"intervalStart\":1702305540000,\"intervalEnd\":1702305600000"
        return [
            "{\(names),\"payload\":{\(key),\"\(json)\":\"\(json)\"}}",
            "{\(names),\"payload\":{\(key),\"charts\":[\"\(json)\"],\"bids\":[\"\(json)\"],\"asks\":\"\(json)\","
                + "\"trades\":[{\"\(json)\":1}],\"rate\":\"\(json)\",\"last\":\"\(json)\"}}",
            "{\(names),\"payload\":{\"marketId\":\"\(json)\",\"intervalStart\":\"\(json)\",\"intervalEnd\":\"\(json)\"}}",
            "{\"\(json)\":", text, "{\"exchange\":\"\(text)\"}",
        ].map { Message(poison: Array($0.utf8), to: kind) }
    }
}

/// Runs commands as a person does: in a pseudo-terminal, which `script` of Debian's base makes.
private struct Terminal {
    let world: World

    func shows(_ words: [String], settings: [String: String] = [:]) async throws -> String {
        let program = try await start(words, settings: settings)
        try await program.ended(within: .seconds(300))
        return program.output
    }

    /// Starts a command.
    /// - Parameter input: what its keys come from.
    func start(_ words: [String], settings: [String: String] = [:], input: Int32? = nil) async throws -> Program {
        let path = "\(Spawner.buildFolder)/\(words[0])"
        let line = ([path] + words.dropFirst()).map { "'" + $0.replacing("'", with: "'\\''") + "'" }
            .joined(separator: " ")
        let own = [
            "DATABASE_URL": world.database.url, "AMQP_URL": world.host.url, "TERM": "xterm-256color",
            "WRITER_HTTP": "127.0.0.1:0", "RELAY_HTTP": "127.0.0.1:0", "SHELL": "/bin/sh",
        ]
        return try await Program(
            path: "/usr/bin/script", ["-qec", "exec " + line, "/dev/null"], environment: own.merging(settings) { $1 },
            input: input)
    }

    /// Runs a command; nothing in what it shows may have come through as it was.
    @discardableResult
    func holds(_ words: String..., settings: [String: String] = [:]) async throws -> String {
        let shown = try await shows(words, settings: settings)
        let command = "\(words.joined(separator: " ")) \(settings.keys.sorted())".debugDescription
        #expect(!shown.isEmpty, "\(command)")
        #expect(Self.trespasser(in: shown) == nil, "\(command): \(shown.prefix(2000).debugDescription)")
        return shown
    }

    /// What the programs themselves send to a terminal are line breaks, colours, and the erasing of a line.
    static func trespasser(in shown: String) -> Unicode.Scalar? {
        var scalars = shown.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\n" || scalar == "\r" { continue }
            if scalar == "\u{1b}" {
                guard scalars.popFirst() == "[" else { return scalar }
                scalars = scalars.drop { "0"..."9" ~= $0 || $0 == ";" }
                guard let end = scalars.popFirst(), end == "m" || end == "K" else { return scalar }
            } else if scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format {
                return scalar
            }
        }
        return nil
    }
}

/// A program's commands, as it lists them itself.
private struct Commands: Decodable {
    struct Command: Decodable {
        let commandName: String
        let arguments: [Argument]?
        let subcommands: [Command]?
    }

    struct Argument: Decodable {
        struct Name: Decodable { let name: String }

        let kind: String
        let preferredName: Name?
        let isOptional: Bool
    }

    let command: Command

    /// Each command's words with an argument that is `value`, and with each option that no command before it has.
    func lines(with value: String) -> [[String]] {
        var known: Set<String> = []
        return Self.lines(of: command, after: [], value).filter { line in
            guard let option = line.first(where: { $0.hasPrefix("--") }), !option.contains(value) else { return true }
            return known.insert(option).inserted
        }
    }

    private static func lines(of command: Command, after words: [String], _ value: String) -> [[String]] {
        let words = words + [command.commandName]
        let arguments = command.arguments ?? []
        let positional = arguments.filter { $0.kind == "positional" && !$0.isOptional }.map { _ in value }
        let options = arguments.filter { $0.kind == "option" }.compactMap(\.preferredName)
        var lines = options.map { words + ["--\($0.name)", value] + positional }
        if !positional.isEmpty { lines.append(words + positional) }
        lines += [words + [value], words + ["--\(value)"]]
        return lines + (command.subcommands ?? []).flatMap { Self.lines(of: $0, after: words, value) }
    }
}

@Suite("relay status --watch") struct StatusWatchTests {
    /// Redraws in place, says what is wrong while it is, and ends on Ctrl-C with the cursor as it was.
    @Test func isAScreenOnATerminal() async throws {
        try await World.with { world in
            var keys: [Int32] = [0, 0]
            try #require(pipe(&keys) == 0)
            defer { close(keys[1]) }
            let watch = try await Terminal(world: world).start(["relay", "status", "--watch"], input: keys[0])
            defer { watch.kill(SIGKILL) }
            try await eventually("it says that no relay is there") { watch.output.contains("act now: ") }
            #expect(watch.output.contains("\u{1b}[31m■ act now: \u{1b}[0mNo relay is at work"))
            let relay = try await world.relay()
            try await eventually("all is well") { watch.output.contains("● all is well") }
            #expect(watch.output.hasPrefix("\u{1b}[?25lCandlepost  "), "\(watch.output.prefix(200).debugDescription)")
            #expect(watch.output.contains("\u{1b}[J\u{1b}["), "it goes back up to redraw")
            try #require(write(keys[1], [3], 1) == 1)
            #expect(try await watch.ended() == .status(0))
            #expect(watch.output.hasSuffix("\u{1b}[?25h"), "\(watch.output.suffix(100).debugDescription)")
            try await world.stop(relay)
        }
    }

    @Test func hasNoColoursWhereNobodyWantsThem() async throws {
        try await World.with { world in
            var keys: [Int32] = [0, 0]
            try #require(pipe(&keys) == 0)
            defer { close(keys[1]) }
            let watch = try await Terminal(world: world).start(
                ["relay", "status", "--watch"], settings: ["NO_COLOR": "1"], input: keys[0])
            defer { watch.kill(SIGKILL) }
            try await eventually("it is drawn") { watch.output.contains("No relay is at work") }
            #expect(!watch.output.contains("\u{1b}[31m"))
            try #require(write(keys[1], [3], 1) == 1)
            #expect(try await watch.ended() == .status(0))
        }
    }

    @Test func isLinesWhereNoTerminalIs() async throws {
        try await World.with { world in
            let watch = try await world.start(.relay, ["status", "--watch"])
            try await eventually("there is a line") { watch.output.hasSuffix("\n") }
            #expect(watch.output.contains("received 0/s") && watch.output.contains("bad: No relay is at work"))
            #expect(!watch.output.contains("\u{1b}"))
            watch.kill(SIGINT)
            #expect(try await watch.ended() == .status(0))
            let none = try await world.start(
                .relay, ["status", "--watch"], settings: ["DATABASE_URL": "host=/nowhere dbname=x"])
            #expect(try await none.ended() == .status(69))
        }
    }
}

@Suite("Hostile texts on a terminal") struct TerminalTests {
    @Test func whatCameInMessagesIsShownEscaped() async throws {
        try await World.with(markets: 2) { world in
            let terminal = Terminal(world: world)
            for column in ["symbol", "external_market_id", "base", "quote"] {
                try await world.query("UPDATE markets SET \(column) = id || convert_from('\(hex)', 'UTF8')")
            }
            try await world.query("UPDATE exchanges SET name = convert_from('\(hex)', 'UTF8')")
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            for kind in RecordKind.all {
                try await world.collector.publish(Hostile.messages(kind), headers: .hostile)
            }
            let good = [1, 2, 2].enumerated().map { index, market in
                Message(
                    market: Int32(market), start: 1_702_305_540_000,
                    fields: "\"charts\":[[1702305540000,2,9,1,3,\(index)]],\"\(Hostile.json)\":\"\(Hostile.json)\"",
                    trace: Hostile.json)
            }
            try await world.collector.publish(good)
            try await eventually("all are stored or kept") {
                try await world.number("SELECT coalesce(sum(received), 0) FROM ingest_batches") == 33
            }
            // A ticker needs no field of its own: one of the hostile ones is a record.
            try await eventually("three are announced") { world.gateway.distinctCount == 3 }
            for program in [writer, relay] { try await world.stop(program) }

            for words in [["list"], ["list", "--json"], ["list", "--all", "--limit", "0"]] {
                let shown = try await terminal.shows(["writer", "quarantine"] + words)
                #expect(
                    shown.contains("not_json") && Terminal.trespasser(in: shown) == nil, "\(shown.debugDescription)")
            }
            let ids = try await world.query("SELECT id FROM quarantine ORDER BY id")
            for row in 0..<ids.count { try await terminal.holds("writer", "quarantine", "show", "\(ids.int8(row, 0))") }
            try await terminal.holds("writer", "quarantine", "discard", "--id", "1", "--yes", "--reason", Hostile.text)
            try await terminal.holds("writer", "quarantine", "show", "1")
            try await terminal.holds("writer", "quarantine", "requeue", "--all", "--yes", "--reason", Hostile.text)
            let conflicts = try await terminal.holds("writer", "conflicts")
            #expect(conflicts.contains("CandleStick"))
            for form in [[], ["--json"], ["--csv"]] {
                let shown = try await terminal.shows(["relay", "audit"] + form)
                #expect(shown.contains("CandleStick") && Terminal.trespasser(in: shown) == nil, "\(form)")
            }
            for id in 1...2 { try await terminal.holds("relay", "audit", "--id", "\(id)") }
            try await terminal.holds("relay", "audit", "--trace", Hostile.text)
            try await terminal.holds("relay", "replay", "--all", "--yes", "--reason", Hostile.text)
            for words in [
                ["relay", "status"], ["relay", "verify"], ["relay", "check"], ["relay", "parked", "list"],
            ] {
                let shown = try await terminal.shows(words)
                #expect(!shown.isEmpty && Terminal.trespasser(in: shown) == nil, "\(words): \(shown.debugDescription)")
            }
            for words in [["markets", "list"], ["check"], ["gaps", "--since", "9000d"]] {
                let shown = try await terminal.shows(["writer"] + words)
                #expect(!shown.isEmpty && Terminal.trespasser(in: shown) == nil, "\(words): \(shown.debugDescription)")
            }
        }
    }

    @Test func filesAreNamedAndQuotedEscaped() async throws {
        try await World.with(markets: 1) { world in
            let terminal = Terminal(world: world)
            let line = "{\"exchange\":\"\(Hostile.json)\",\"symbol\":\"\(Hostile.text)"
            for ending in [".ndjson", ".json", ".csv"] {
                try await TemporaryFile.with("\(Hostile.text)\n\(line)\n", Hostile.text + ending) { file in
                    try await terminal.holds("writer", "feed", file)
                    try await terminal.holds("writer", "feed", file, "--anyway", "--rate", "100000")
                    try await terminal.holds("writer", "markets", "import", file)
                    try await terminal.holds(
                        "writer", "check", settings: ["DATABASE_URL": "", "DATABASE_URL_FILE": file])
                    try await terminal.holds("relay", "check", settings: ["AMQP_URL": "", "AMQP_URL_FILE": file])
                }
            }
            let market =
                "{\"markets\":[{\"exchange\":\"\(Hostile.json)\",\"symbol\":\"\(Hostile.json)\",\"id\":\"\(Hostile.json)\"}]}"
            _ = try await TemporaryFile.with(market, ".json") { file in
                try await terminal.holds("writer", "markets", "import", file)
            }
        }
    }

    @Test(arguments: [Program.Name.writer, .relay]) func optionsAndSettingsAreEchoedEscaped(_ name: Program.Name)
        async throws
    {
        try await World.with(markets: 1) { world in
            let terminal = Terminal(world: world)
            let listed = try await world.run(name.rawValue, "--experimental-dump-help")
            let commands = try JSONDecoder().decode(Commands.self, from: Data(listed.utf8))
            let lines = commands.lines(with: Hostile.text)
            #expect(lines.count > 40)
            for words in lines {
                let shown = try await terminal.shows(words, settings: ["LOG_LEVEL": "error"])
                #expect(Terminal.trespasser(in: shown) == nil, "\(words): \(shown.debugDescription)")
            }
            let help = try await world.run(name.rawValue, "--help")
            let settings = help.split(separator: "\n").flatMap { $0.split(separator: " ") }.map(String.init).filter {
                $0.count > 5 && $0.contains("_") && $0.allSatisfy { $0.isUppercase || $0 == "_" }
            }
            #expect(settings.count > 15)
            for setting in Set(settings) {
                try await terminal.holds(name.rawValue, "check", settings: [setting: Hostile.text])
            }
        }
    }

    /// The test above can fail.
    @Test(arguments: [Hostile.text, "\u{1b}[2J", "\u{9b}1m", "a\u{202e}b", "\u{7}", "\u{1b}]0;x\u{7}"])
    func whatComesThroughIsSeen(_ text: String) { #expect(Terminal.trespasser(in: text) != nil) }

    private var hex: String {
        "\\x" + Hostile.text.utf8.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}
