import ArgumentParser
import Candlepost
import ProgramRuntime

@main
struct WriterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "writer",
        abstract: "Stores what the collectors send, and what is to be announced with it, in one transaction.",
        discussion: "Settings, from the environment or by flag:\n\n\(SettingsTable.text(for: WriterSettings.all))",
        version: Version.line("writer"),
        subcommands: [
            RunCommand.self, MigrateCommand.self, KindsCommand.self, MarketsCommand.self, FeedCommand.self,
            QuarantineCommand.self, ConflictsCommand.self, GapsCommand.self, CheckCommand.self, HealthCommand.self,
        ],
        defaultSubcommand: RunCommand.self)

    static func main() async {
        await NamedKinds.learn()
        await runProgram(Self.self, settings: WriterSettings.all)
    }
}
