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

    @OptionGroup var flags: WriterFlags

    func run() async throws {
        let reader = flags.settings
        let settings = try WriterSettings(reader)
        let traces = try TraceSettings(
            environment: SettingsReader.processEnvironment, service: "candlepost-writer", version: Version.current)
        let readiness = Readiness()
        readiness.declare("postgres", "rabbitmq", "outbox partitions", QueueLimits.condition)
        _ = readiness.set(QueueLimits.condition, .ready)
        _ = readiness.set("outbox partitions", .ready)
        try await Program.run(
            "writer", settings: reader, http: WriterSettings.http,
            metrics: WriterMetrics.descriptions + Tracer.descriptions, readiness: readiness
        ) { logger in
            let markets = KnownMarkets()
            let metrics = WriterMetrics()
            let servers = ServerGuard()
            let tracer = traces.map { Tracer($0, logger: logger) }
            let queues = QueueWatch(settings.queues, readiness: readiness, logger: logger)
            return WriterService(
                settings: settings,
                store: RecordStore(
                    settings.database, writer: settings.name, markets: markets, rules: settings.revisions,
                    servers: servers, tracer: tracer, readiness: readiness, logger: logger),
                limits: QueueLimits(settings, readiness: readiness, logger: logger),
                redeliveries: Redeliveries(logger: logger),
                upkeep: WriterUpkeep(
                    settings, markets: markets, readiness: readiness, metrics: metrics, logger: logger),
                watch: DatabaseWatch(settings.database, servers: servers, readiness: readiness, logger: logger),
                readiness: readiness, metrics: metrics, progress: WriterProgress(readiness, logger: logger),
                queues: queues, leftOut: LeftOutQueues(settings, watch: queues), tracer: tracer,
                logger: logger)
        }
    }
}
