import AMQP
import ArgumentParser
import Candlepost
import ProgramRuntime
import Schema
import Traces

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The service: reads the outbox and publishes. What `relay` alone does.",
        discussion: SettingsTable.text(for: RelaySettings.all))

    func run() async throws {
        let reader = SettingsReader.current
        let settings = try RelaySettings(reader)
        let traces = try TraceSettings(
            environment: SettingsReader.processEnvironment, service: "candlepost-relay", version: Version.current)
        let readiness = Readiness()
        try await Program.run(
            "relay", settings: reader, http: RelaySettings.http,
            metrics: RelayMetrics.descriptions + Tracer.descriptions, readiness: readiness
        ) { logger in
            let servers = ServerGuard()
            return RelayService(
                settings: settings,
                report: RelayReport(
                    readiness, queue: settings.queue.name, relay: settings.name,
                    tracer: traces.map { Tracer($0, logger: logger) }, logger: logger),
                servers: servers,
                watch: DatabaseWatch(settings.database, servers: servers, readiness: readiness, logger: logger))
        }
    }
}
