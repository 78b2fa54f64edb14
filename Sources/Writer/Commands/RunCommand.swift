import ArgumentParser
import Program
import Service

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The service: consumes, stores, acknowledges. What `writer` alone does.",
        discussion: SettingsTable.text(for: WriterSettings.all))

    @OptionGroup var flags: WriterFlags

    func run() async throws {
        let reader = flags.settings
        let settings = try WriterSettings(reader)
        let readiness = Readiness()
        readiness.declare("postgres", "rabbitmq")
        try await Program.run(
            "writer", settings: reader, http: WriterSettings.http, metrics: WriterMetrics.descriptions,
            readiness: readiness
        ) { logger in
            let markets = KnownMarkets()
            return WriterService(
                settings: settings,
                store: RecordStore(
                    settings.database, writer: settings.name, markets: markets, readiness: readiness, logger: logger),
                signals: WriterSignals(settings, markets: markets, logger: logger),
                readiness: readiness, metrics: WriterMetrics(), logger: logger)
        }
    }
}
