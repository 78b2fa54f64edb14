import ArgumentParser
import Glibc
import Testing

import enum Service.ExitStatus  // Testing has one too

@testable import Service

private let table = SettingsTable.text(for: [
    CommonSettings.databaseURL, CommonSettings.brokerURL, CommonSettings.logLevel, CommonSettings.logFormat,
    CommonSettings.shutdownTimeout,
    Setting.integer("N", flag: nil, default: nil, in: 1...9, help: String(repeating: "x ", count: 150)),
])

private struct Writer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "writer", discussion: table)

    @Option var batchSize: String?
}

@Suite struct ProgramTests {
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
            await runProgram(Writer.self, arguments: ["--nonsense"])
        }
    }
}
