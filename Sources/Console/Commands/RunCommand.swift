import ArgumentParser
import Candlepost
import Logging
import ProgramRuntime

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Serves the pages. What `console` alone does.",
        discussion: SettingsTable.text(for: ConsoleSettings.all))

    func run() async throws {
        let reader = SettingsReader.current
        if let problem = reader.problems.first { throw problem }
        let settings = try ConsoleSettings(reader)
        let logger = try ProgramLog.start(program: "console", settings: reader)
        logger.info("console starts", metadata: ["version": "\(Version.current)", "process": "\(Program.identity)"])
        for line in reader.unknownVariables(prefix: "CONSOLE_") {
            logger.warning("a variable of the environment has no effect", metadata: ["variable": "\(line)"])
        }
        for warning in reader.warnings(for: ConsoleSettings.all) { logger.warning("\(warning)") }
        let readiness = Readiness()
        let registry = Program.startMetrics(ConsoleMetrics.descriptions, readiness: readiness)
        let metrics = ConsoleMetrics()
        let feed = StatusFeed(settings.database, readiness: readiness, metrics: metrics, logger: logger)
        registry.addGauge("candlepost_console_browsers") { Double(feed.listenerCount) }
        let console = ConsoleServer(
            settings, feed: feed, readiness: readiness, registry: registry, metrics: metrics, logger: logger)
        let status = await runServices(
            [feed, console], operations: nil, readiness: readiness,
            shutdownTimeout: try reader.read(CommonSettings.shutdownTimeout), logger: logger,
            onHangUp: { try? ProgramLog.readLevel(reader) })
        status.exit()
    }
}
