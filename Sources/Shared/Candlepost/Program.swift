import AMQP
import CoreMetrics
import FoundationEssentials
import Glibc
public import Logging
public import ProgramRuntime
public import ServiceLifecycle

/// What both programs do at their start.
public enum Program {
    /// Names this process in ledgers and at the servers: `host:pid`.
    public static let identity = "\(ProcessInfo.processInfo.hostName):\(getpid())"

    /// Who runs this command, for the record of what operators do: `user@host:pid`.
    public static var operatorName: String {
        let user = getenv("SUDO_USER") ?? getenv("USER") ?? getenv("LOGNAME")
        return "\(user.map { String(cString: $0) } ?? "uid \(getuid())")@\(identity)"
    }

    /// For commands, whose results are what they print: what the connections have to say is in their errors.
    public static let quietLogger = Logger(label: "command") { _ in SwiftLogNoOpLogHandler() }

    /// Runs a service with its HTTP endpoint until a signal comes, and ends the process with the right status.
    /// - Parameters:
    ///   - http: the setting of the endpoint's address.
    ///   - metrics: what every metric of the program means.
    ///   - service: makes the service, after the metrics are set up.
    /// - Throws: ``SettingError``.
    public static func run(
        _ name: String, settings: SettingsReader, http: Setting<BindAddress>, metrics: [MetricDescription],
        readiness: Readiness, service: (Logger) throws -> any ServiceLifecycle.Service
    ) async throws -> Never {
        if let problem = settings.problems.first { throw problem }
        let logger = try ProgramLog.start(program: name, settings: settings)
        logger.info("\(name) starts", metadata: ["version": "\(Version.current)", "process": "\(identity)"])
        for line in settings.unknownVariables(prefix: "\(name.uppercased())_") {
            logger.warning("a variable of the environment has no effect", metadata: ["variable": "\(line)"])
        }
        let registry = startMetrics(metrics, readiness: readiness)
        let openFiles = settings.warnings(for: [CommonSettings.databaseURL, CommonSettings.brokerURL, http.token])
        let endpoints = try settings.broker(connectionName: name).endpoints
        for warning in openFiles + endpoints.compactMap(\.warning) { logger.warning("\(warning)") }
        let service = try service(logger)
        let token = try settings.readIfSet(http.token)
        let operations = try OperationsServer(
            address: try settings.read(http), setting: http, readiness: readiness, metrics: registry, token: token,
            logger: logger)
        let manager = ServiceManager(
            path: ProcessInfo.processInfo.environment["NOTIFY_SOCKET"], readiness: readiness)
        let status = await runServices(
            (manager.map { [$0] } ?? []) + [service], operations: operations, readiness: readiness,
            shutdownTimeout: try settings.read(CommonSettings.shutdownTimeout), logger: logger,
            onHangUp: { readAgain(settings, logger) })
        status.exit()
    }

    /// Sets up the metrics of the process. Call it once, before any is made.
    /// - Parameter metrics: what every metric of the program means, beside those that all programs have.
    public static func startMetrics(_ metrics: [MetricDescription], readiness: Readiness) -> PrometheusRegistry {
        let registry = PrometheusRegistry(commonMetrics + metrics)
        registry.addGauges("candlepost_ready", label: "condition") { readiness.gauges }
        registry.addGauge(
            "candlepost_build_info", dimensions: [("version", Version.current), ("revision", Version.revision)]
        ) { 1 }
        MetricsSystem.bootstrap(registry)
        return registry
    }

    /// Reads what may have changed since the start: the log level, and the files of secrets, which the next connection takes.
    private static func readAgain(_ settings: SettingsReader, _ logger: Logger) {
        for problem in settings.problems {
            logger.error("invalid setting, the previous value stays", metadata: ["setting": "\(problem)"])
        }
        guard (try? ProgramLog.readLevel(settings)) != nil else { return }
        let level = (try? settings.read(CommonSettings.logLevel)) ?? .info
        logger.notice("settings read again", metadata: ["log.level": "\(level)"])
    }

    private static let commonMetrics = [
        MetricDescription(
            "candlepost_ready", .gauge, "1 for each condition of /readyz that holds, 0 for one that does not."),
        MetricDescription("candlepost_build_info", .gauge, "Always 1; the labels say what runs."),
    ]
}

extension Setting where Value == BindAddress {
    /// The setting of what callers from other machines have to present.
    public var token: Setting<String> {
        .secret(
            "\(name)_TOKEN", default: nil, defaultText: "nobody may", allowed: "a token",
            help: "the bearer token for /metrics and the reasons of /readyz, where other machines can reach the address"
        )
    }
}
