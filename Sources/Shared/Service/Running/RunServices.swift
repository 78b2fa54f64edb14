import Dispatch
import Glibc
public import Logging
public import ServiceLifecycle

/// Runs the services of a program until SIGTERM or SIGINT, or until one of them fails, and drains them.
///
/// The last service is asked to stop first, and the one before it once that has returned; the HTTP endpoint goes last
/// and answers "draining" meanwhile. What has not returned after the time-out is cancelled, and 2 s later the process
/// ends anyway, with status 1. A second signal ends the process at once, with status 128 and its number.
/// - Parameters:
///   - services: In the order in which they start; each may use those before it.
///   - operations: The HTTP endpoint; nil for none.
///   - shutdownTimeout: How long the drain may take.
/// - Returns: ``ExitStatus/done`` after a drain in time. After a failure the status of its error, or
///   ``ExitStatus/no``; the error is logged.
public func runServices(
    _ services: [any Service], operations: OperationsServer?, readiness: Readiness, shutdownTimeout: Duration,
    logger: Logger
) async -> ExitStatus {
    await runServices(
        services, operations: operations, readiness: readiness, shutdownTimeout: shutdownTimeout, logger: logger,
        endProcess: { _exit($0) })
}

func runServices(
    _ services: [any Service], operations: OperationsServer?, readiness: Readiness, shutdownTimeout: Duration,
    logger: Logger, endProcess: @escaping @Sendable (Int32) -> Void
) async -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)  // a reader of the log that goes away must not take the service with it
    let shutdownGuard = ShutdownGuard(
        timeout: shutdownTimeout, logger: logger, onDrain: { readiness.startDraining() }, endProcess: endProcess)
    let all = (operations.map { [$0] } ?? []) + services + [DrainNotice(shutdownGuard: shutdownGuard)]
    let group = ServiceGroup(configuration: configuration(all, timeout: shutdownTimeout))
    let sources = [SIGTERM, SIGINT].map { signal in
        shutdownGuard.listen(to: signal) { Task { await group.triggerGracefulShutdown() } }
    }
    defer { for source in sources { source.cancel() } }
    do {
        try await group.run()
        return status(drainedInTime: shutdownGuard.finish(), error: nil, logger: logger)
    } catch {
        return status(drainedInTime: shutdownGuard.finish(), error: error, logger: logger)
    }
}

/// One service that ends, well or not, lets the others drain. The group's own log would repeat ours.
private func configuration(_ services: [any Service], timeout: Duration) -> ServiceGroupConfiguration {
    var configuration = ServiceGroupConfiguration(
        services: services.map {
            .init(
                service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup, serviceName: "\(type(of: $0))")
        },
        logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() })
    configuration.maximumGracefulShutdownDuration = timeout
    return configuration
}

private func status(drainedInTime: Bool, error: (any Error)?, logger: Logger) -> ExitStatus {
    if let error, !(error is CancellationError) {
        logger.error("Stopped by a failure", error: error)
        return (error as? any ExitStatusError)?.exitStatus ?? .no
    }
    if drainedInTime {
        logger.info("Drained")
        return .done
    }
    logger.error("Stopped before all work in flight was finished")
    return .no
}
