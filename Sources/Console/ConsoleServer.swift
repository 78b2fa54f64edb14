import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ProgramRuntime
import ServiceLifecycle

/// Serves the pages.
struct ConsoleServer: ServiceLifecycle.Service {
    /// Browsers hold a few connections each.
    private static let mostConnections = 256

    private let settings: ConsoleSettings
    private let feed: StatusFeed
    private let readiness: Readiness
    private let registry: PrometheusRegistry
    private let metrics: ConsoleMetrics
    private let logger: Logger

    init(
        _ settings: ConsoleSettings, feed: StatusFeed, readiness: Readiness, registry: PrometheusRegistry,
        metrics: ConsoleMetrics, logger: Logger
    ) {
        self.settings = settings
        self.feed = feed
        self.readiness = readiness
        self.registry = registry
        self.metrics = metrics
        self.logger = logger
    }

    /// Serves until the graceful shutdown.
    /// - Throws: ``SettingError`` when the address is taken or not of this machine.
    func run() async throws {
        let readers = Readers(settings.database, size: 4, statementTimeout: 5000)
        let router = Router(context: ConsoleContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestCounts(metrics: metrics))
        router.add(middleware: Guard(hosts: Set(["localhost"] + settings.hosts)))
        let sessions = Sessions()
        let acting = settings.acting.map(Acting.init)
        router.add(
            middleware: Authentication(
                access: settings.access, sessions: sessions, isReachable: !settings.address.isLoopback,
                hasActs: acting != nil, metricsToken: settings.metricsToken))
        Routes(
            feed: feed, readers: readers, proofs: Proofs(settings.database, actor: settings.acting?.database),
            sessions: sessions, acting: acting,
            settings: settings, readiness: readiness, registry: registry, logger: logger
        ).add(to: router)
        var quiet = logger
        quiet.logLevel = .error
        let application = Application(
            router: router, server: .http1(configuration: Self.limits),
            configuration: ApplicationConfiguration(
                address: .hostname(settings.address.host, port: Int(settings.address.port)),
                availableConnectionsDelegate: .maximum(Self.mostConnections, logger: quiet)),
            onServerRunning: { [logger] channel in
                let address = channel.localAddress.map { "\($0.ipAddress ?? ""):\($0.port ?? 0)" } ?? ""
                logger.info("console is listening", metadata: ["http.address": "\(address)"])
            },
            logger: quiet)
        do {
            try await withGracefulShutdownHandler {
                try await application.run()
            } onGracefulShutdown: {
                acting?.stopAll()
            }
        } catch let error as IOError {
            throw SettingError(
                setting: "CONSOLE_HTTP",
                problem:
                    "is \"\(settings.address)\", where the program cannot listen (\(error)), but may be: a free address of this machine"
            )
        }
        await readers.forget()
    }

    private static var limits: HTTP1Channel.Configuration {
        HTTP1Channel.Configuration(
            idleTimeout: .seconds(30),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 8192, maxHeaderListSize: 16_384, maxHeaderFieldCount: 64))
    }
}
