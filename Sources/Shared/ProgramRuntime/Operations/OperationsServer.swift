import Dispatch
public import Logging
public import ServiceLifecycle

/// The HTTP endpoint for probes and metrics: `/livez`, `/readyz`, `/metrics`.
///
/// Written on plain sockets, because the smallest server package costs 16 MiB of resident memory by way of Foundation,
/// has no limit on connections or request heads, and ends when the process runs out of file descriptors.
///
/// On an address that other machines can reach, `/metrics` and the reasons of `/readyz` need a bearer token.
public struct OperationsServer: Service {
    /// The address it listens on, with the port that the system has chosen if the setting says 0.
    public let address: BindAddress

    private let loop: HTTPLoop
    private let logger: Logger

    /// Listens from here on, and answers once it runs.
    /// - Parameters:
    ///   - address: Where to listen.
    ///   - setting: The setting that the address is from, to be named when it can't be listened on. Its name and
    ///     `_TOKEN` is the name of the setting of the token.
    ///   - token: The bearer token for callers from other machines; nil when there is none.
    /// - Throws: ``SettingError`` when the address is taken or not of this machine.
    public init(
        address: BindAddress, setting: AnySetting, readiness: Readiness, metrics: PrometheusRegistry,
        token: String? = nil, logger: Logger
    ) throws(SettingError) {
        let routes = OperationsRoutes(
            readiness: readiness, metrics: metrics, isReachable: !address.isLoopback, token: token,
            tokenSetting: "\(setting.name)_TOKEN")
        do {
            let socket = try ListeningSocket(address)
            self.address = socket.address
            loop = try HTTPLoop(socket: socket) { routes.answer(to: $0) }
        } catch {
            throw SettingError(
                setting: setting.name,
                problem: "is \"\(address)\", where the program cannot listen (\(error)), but may be: "
                    + "a free address of this machine")
        }
        self.logger = logger
    }

    /// Answers until the graceful shutdown or the cancellation.
    public func run() async {
        logger.info("HTTP endpoint is listening", metadata: ["http.address": "\(address)"])
        await withTaskCancellationOrGracefulShutdownHandler {
            await withCheckedContinuation { continuation in
                DispatchQueue(label: "http").async {
                    loop.run()
                    continuation.resume()
                }
            }
        } onCancelOrGracefulShutdown: {
            loop.stop()
        }
    }
}
