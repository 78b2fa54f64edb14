import ArgumentParser
import Candlepost
import ProgramRuntime

@main
struct ConsoleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console",
        abstract: "The operator's pages: what flows, what is wrong, and what to do about it.",
        discussion: "Settings, from the environment or by flag:\n\n\(SettingsTable.text(for: ConsoleSettings.all))",
        version: Version.line("console"), subcommands: [RunCommand.self, CheckCommand.self, HealthCommand.self],
        defaultSubcommand: RunCommand.self)

    static func main() async { await runProgram(Self.self, settings: ConsoleSettings.all) }
}
