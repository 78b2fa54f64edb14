import ArgumentParser
import Candlepost
import ProgramRuntime
import Schema
import Storing
import Traces

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The service: consumes, stores, acknowledges. What `writer` alone does.",
        discussion: SettingsTable.text(for: WriterSettings.all))

    func run() async throws {
        let reader = SettingsReader.current
        let settings = try WriterSettings(reader)
        let traces = try TraceSettings(
            environment: SettingsReader.processEnvironment, service: "candlepost-writer", version: Version.current)
        let readiness = Readiness()
        try await Program.run(
            "writer", settings: reader, http: WriterSettings.http,
            metrics: WriterMetrics.descriptions + Tracer.descriptions, readiness: readiness
        ) { logger in
            let markets = KnownMarkets()
            let tracer = traces.map { Tracer($0, logger: logger) }
            let report = WriterReport(
                readiness, queues: settings.queues, tracer: tracer, logger: logger)
            let servers = ServerGuard()
            return WriterService(
                settings: settings,
                store: RecordStore(
                    settings.database, writer: settings.name, markets: markets, rules: settings.revisions,
                    servers: servers, tracer: tracer, readiness: readiness, logger: logger),
                limits: QueueLimits(settings, report: report),
                upkeep: WriterUpkeep(settings, markets: markets, report: report),
                watch: DatabaseWatch(settings.database, servers: servers, readiness: readiness, logger: logger),
                leftOut: LeftOutQueues(settings, watch: report.queues), report: report)
        }
    }
}
