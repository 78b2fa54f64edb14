import ArgumentParser
import Candlepost
import ProgramRuntime

@main
struct RelayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay",
        abstract: "Announces what the writer stored: at least once, and in order for each market.",
        discussion: "Settings, from the environment or by flag:\n\n\(SettingsTable.text(for: RelaySettings.all))",
        version: Version.line("relay"),
        subcommands: [
            RunCommand.self, CheckCommand.self, StatusCommand.self, AuditCommand.self, VerifyCommand.self,
            ReplayCommand.self, ParkedCommand.self, SupersedeCommand.self, PruneCommand.self, HealthCommand.self,
        ],
        defaultSubcommand: RunCommand.self)

    static func main() async {
        await NamedKinds.learn()
        await runProgram(Self.self, settings: RelaySettings.all)
    }
}
