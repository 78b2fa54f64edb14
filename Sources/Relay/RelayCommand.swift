import ArgumentParser
import Program
import Service

@main
struct RelayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay",
        abstract: "Announces what the writer stored: at least once, and in order for each market.",
        discussion: "Settings, from the environment or by flag:\n\n\(SettingsTable.text(for: RelaySettings.all))",
        subcommands: [
            RunCommand.self, CheckCommand.self, StatusCommand.self, AuditCommand.self, VerifyCommand.self,
            ReplayCommand.self, ParkedCommand.self, SupersedeCommand.self, PruneCommand.self, HealthCommand.self,
        ],
        defaultSubcommand: RunCommand.self)

    static func main() async { await runProgram(Self.self) }
}

/// The settings that every command takes as flags.
struct RelayFlags: ParsableArguments {
    @Option(name: .customLong("queue"), help: .hidden) var queue: String?
    @Option(name: .customLong("batch-size"), help: .hidden) var batchSize: String?
    @Option(name: .customLong("poll-ms"), help: .hidden) var poll: String?
    @Option(name: .customLong("retention"), help: .hidden) var retention: String?
    @Option(name: .customLong("queue-type"), help: .hidden) var queueType: String?
    @Option(name: .customLong("amqp-plaintext"), help: .hidden) var plaintext: String?
    @Option(name: .customLong("http"), help: .hidden) var http: String?
    @Option(name: .customLong("shutdown-timeout"), help: .hidden) var shutdownTimeout: String?
    @Option(name: .customLong("log-level"), help: .hidden) var logLevel: String?
    @Option(name: .customLong("log-format"), help: .hidden) var logFormat: String?

    var settings: SettingsReader {
        SettingsReader(options: [
            (RelaySettings.queueSetting, queue), (RelaySettings.batchSizeSetting, batchSize),
            (RelaySettings.pollSetting, poll), (RelaySettings.retentionSetting, retention),
            (BrokerSettings.queueType, queueType), (BrokerSettings.plaintext, plaintext), (RelaySettings.http, http),
            (CommonSettings.shutdownTimeout, shutdownTimeout), (CommonSettings.logLevel, logLevel),
            (CommonSettings.logFormat, logFormat),
        ])
    }
}
