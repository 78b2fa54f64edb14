import CoreMetrics
import FoundationEssentials
import Glibc
public import Logging
public import Service
public import ServiceLifecycle

/// What both programs do at their start.
public enum Program {
    /// Names this process in ledgers and at the servers: `host:pid`.
    public static let identity = "\(ProcessInfo.processInfo.hostName):\(getpid())"

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
        let logger = try ProgramLog.start(program: name, settings: settings)
        let registry = PrometheusRegistry(metrics)
        MetricsSystem.bootstrap(registry)
        for warning in settings.warnings(for: [CommonSettings.databaseURL, CommonSettings.brokerURL]) {
            logger.warning("\(warning)")
        }
        let service = try service(logger)
        let token = try settings.readIfSet(
            Setting.secret("\(http.name)_TOKEN", default: nil, defaultText: nil, allowed: "a token", help: ""))
        let operations = try OperationsServer(
            address: try settings.read(http), setting: http, readiness: readiness, metrics: registry, token: token,
            logger: logger)
        let status = await runServices(
            [service], operations: operations, readiness: readiness,
            shutdownTimeout: try settings.read(CommonSettings.shutdownTimeout), logger: logger)
        status.exit()
    }
}
