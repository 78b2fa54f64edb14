import ArgumentParser
import Program
import Service

@main
struct WriterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "writer",
        abstract: "Stores what the collectors send, and what is to be announced with it, in one transaction.",
        discussion: "Settings, from the environment or by flag:\n\n\(SettingsTable.text(for: WriterSettings.all))",
        subcommands: [
            RunCommand.self, MigrateCommand.self, MarketsCommand.self, FeedCommand.self,
            QuarantineCommand.self, ConflictsCommand.self, CheckCommand.self, HealthCommand.self,
        ],
        defaultSubcommand: RunCommand.self)

    static func main() async { await runProgram(Self.self) }
}

/// The settings that every command takes as flags.
struct WriterFlags: ParsableArguments {
    @Option(name: .customLong("kinds"), help: .hidden) var kinds: String?
    @Option(name: .customLong("batch-size"), help: .hidden) var batchSize: String?
    @Option(name: .customLong("batch-delay-ms"), help: .hidden) var batchDelay: String?
    @Option(name: .customLong("prefetch"), help: .hidden) var prefetch: String?
    @Option(name: .customLong("max-message-bytes"), help: .hidden) var maximumMessage: String?
    @Option(name: .customLong("retry-unknown-for"), help: .hidden) var retryUnknown: String?
    @Option(name: .customLong("queue-type"), help: .hidden) var queueType: String?
    @Option(name: .customLong("amqp-plaintext"), help: .hidden) var plaintext: String?
    @Option(name: .customLong("http"), help: .hidden) var http: String?
    @Option(name: .customLong("shutdown-timeout"), help: .hidden) var shutdownTimeout: String?
    @Option(name: .customLong("log-level"), help: .hidden) var logLevel: String?
    @Option(name: .customLong("log-format"), help: .hidden) var logFormat: String?

    var settings: SettingsReader {
        SettingsReader(options: [
            (WriterSettings.kindsSetting, kinds), (WriterSettings.batchSizeSetting, batchSize),
            (WriterSettings.batchDelaySetting, batchDelay), (WriterSettings.prefetchSetting, prefetch),
            (WriterSettings.maximumMessageSetting, maximumMessage), (WriterSettings.retryUnknownSetting, retryUnknown),
            (BrokerSettings.queueType, queueType), (BrokerSettings.plaintext, plaintext), (WriterSettings.http, http),
            (CommonSettings.shutdownTimeout, shutdownTimeout),
            (CommonSettings.logLevel, logLevel), (CommonSettings.logFormat, logFormat),
        ])
    }
}
