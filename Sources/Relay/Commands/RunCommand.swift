import ArgumentParser
import Program
import Service

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The service: reads the outbox and publishes. What `relay` alone does.",
        discussion: SettingsTable.text(for: RelaySettings.all))

    @OptionGroup var flags: RelayFlags

    func run() async throws {
        let reader = flags.settings
        let settings = try RelaySettings(reader)
        let readiness = Readiness()
        try await Program.run(
            "relay", settings: reader, http: RelaySettings.http, metrics: RelayMetrics.descriptions,
            readiness: readiness
        ) { logger in
            RelayService(
                settings: settings,
                health: RelayHealth(readiness, vitals: RelayVitals(relay: settings.name), logger: logger),
                metrics: RelayMetrics(),
                logger: logger)
        }
    }
}
