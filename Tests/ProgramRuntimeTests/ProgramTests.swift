import ArgumentParser
import Glibc
import Testing

import enum ProgramRuntime.ExitStatus  // Testing has one too

@testable import ProgramRuntime

private let table = SettingsTable.text(for: [
    CommonSettings.databaseURL, CommonSettings.brokerURL, CommonSettings.logLevel, CommonSettings.logFormat,
    CommonSettings.shutdownTimeout,
    Setting.integer("N", flag: nil, default: nil, in: 1...9, help: String(repeating: "x ", count: 150)),
])

private struct Writer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "writer", discussion: table)

    @Option var batchSize: String?
}

private struct Leaf: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list")
}

private struct Markets: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "markets", subcommands: [Leaf.self])
}

private struct Family: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "writer", subcommands: [Markets.self])
}

@Suite struct CandlepostTests {
    private func ending(_ arguments: String...) throws -> ProgramEnding {
        let error = try #require(throws: (any Error).self) {
            // `--help` parses into a command that throws the help.
            var command = try Writer.parseAsRoot(arguments)
            try command.run()
        }
        return ProgramEnding(error, of: Writer.self)
    }

    @Test func wrongUsageIs64() throws {
        let ending = try ending("--nonsense")
        #expect(ending.status == ExitStatus.usage.rawValue)
        #expect(ending.text.contains("--nonsense") && ending.text.hasSuffix("\n"))
    }

    @Test func helpIsDoneAndKeepsTheTableWhole() throws {
        let ending = try ending("--help")
        #expect(ending.status == 0)
        #expect(table.split(separator: "\n").contains { $0.count == SettingsTable.width - 1 }, "a line at the limit")
        for line in table.split(separator: "\n") { #expect(ending.text.contains("\(line)\n")) }
    }

    @Test func theFlagsOfSettingsAreTakenOut() throws {
        let settings: [AnySetting] = [CommonSettings.logLevel, CommonSettings.shutdownTimeout]
        let flags = try SettingFlags(
            ["feed", "--log-level", "debug", "x", "--shutdown-timeout=", "--log-level=error", "--", "--log-level"],
            settings: settings)
        #expect(flags.values == ["LOG_LEVEL": "error", "SHUTDOWN_TIMEOUT": ""])
        #expect(flags.rest == ["feed", "x", "--", "--log-level"])
        for arguments in [["--log-level"], ["--log-level", "--shutdown-timeout", "1s"]] {
            #expect(throws: ValidationError.self) { try SettingFlags(arguments, settings: settings) }
        }
    }

    @Test func aMistypedFlagOfASettingIsAnsweredAndHarmless() throws {
        let error = try #require(throws: (any Error).self) { try Writer.parseAsRoot(["--log-levl\u{1B}[2J"]) }
        let settings: [AnySetting] = [CommonSettings.logLevel]
        let ending = ProgramEnding(
            try #require(throws: (any Error).self) { try Writer.parseAsRoot(["--log-levl"]) }, of: Writer.self,
            arguments: ["--log-levl"], settings: settings)
        #expect(ending.status == 64 && ending.text.hasPrefix("Did you mean --log-level?\n"))
        let hostile = ProgramEnding(error, of: Writer.self).text
        #expect(!hostile.contains("\u{1B}") && hostile.contains("\\u{1b}[2J"))
    }

    @Test(arguments: [
        ("markets", "markets", Substring?.none), ("market", nil, "markets"), ("nonsense", nil, nil),
        ("markets lst", nil, "list"), ("help", "help", nil), ("--x", "--x", nil),
    ])
    func aCommandThatIsNoneIsAnswered(line: String, good: String?, meant: Substring?) throws {
        let words = line.split(separator: " ").map(String.init)
        guard good == nil else { return try CommandWords.check(words, of: Family.self) }
        let error = try #require(throws: ValidationError.self) { try CommandWords.check(words, of: Family.self) }
        #expect(error.message.contains("has no command \"\(words.last!)\""))
        #expect(error.message.contains("Did you mean \(meant ?? "")") == (meant != nil))
    }

    @Test(arguments: [
        ("migrat", "migrate"), ("LOG_LEVL", "LOG_LEVEL"), ("feeed", "feed"), ("ruin", "run"), ("relya", "relay"),
        ("run", nil), ("x", nil), ("completely", nil),
    ])
    func theNearestNameIsFound(word: String, meant: String?) {
        #expect(
            Spelling.nearest(to: word, in: ["migrate", "LOG_LEVEL", "feed", "run", "relay", "y", "check"]) == meant)
    }

    @Test func aSettingErrorIs78AndOneLine() {
        let ending = ProgramEnding(SettingError(setting: "X", problem: "is \"1\",\nbut may be: 2"), of: Writer.self)
        #expect(ending.status == 78)
        #expect(ending.text == "writer: X is \"1\",\\u{a}but may be: 2\n")
    }

    @Test func aCommandSaysHowItEnds() {
        #expect(ProgramEnding(CommandExit(.unavailable, "no server"), of: Writer.self).text == "writer: no server\n")
        #expect(ProgramEnding(CommandExit(.no), of: Writer.self).text.isEmpty)
        #expect(ProgramEnding(CommandExit(.no), of: Writer.self).status == 1)
    }

    /// A signal in a handler, while a thread of a connection ends, would be the status.
    @Test func noExitHandlerHasAWordInTheStatus() async {
        await #expect(processExitsWith: .exitCode(ExitStatus.no.rawValue)) {
            atexit { abort() }
            ExitStatus.no.exit()
        }
        await #expect(processExitsWith: .exitCode(ExitStatus.usage.rawValue)) {
            atexit { abort() }
            await runProgram(Writer.self, settings: [], arguments: ["--nonsense"])
        }
    }
}
