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
///   - onHangUp: Called at each SIGHUP, which ends nothing.
/// - Returns: ``ExitStatus/done`` after a drain in time. After a failure the status of its error, or
///   ``ExitStatus/no``; the error is logged.
public func runServices(
    _ services: [any Service], operations: OperationsServer?, readiness: Readiness, shutdownTimeout: Duration,
    logger: Logger, onHangUp: @escaping @Sendable () -> Void = {}
) async -> ExitStatus {
    await runServices(
        services, operations: operations, readiness: readiness, shutdownTimeout: shutdownTimeout, logger: logger,
        onHangUp: onHangUp, endProcess: { ExitStatus.exit($0) })
}

func runServices(
    _ services: [any Service], operations: OperationsServer?, readiness: Readiness, shutdownTimeout: Duration,
    logger: Logger, onHangUp: @escaping @Sendable () -> Void = {}, endProcess: @escaping @Sendable (Int32) -> Void
) async -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)  // a reader of the log that goes away must not take the service with it
    let shutdownGuard = ShutdownGuard(
        timeout: shutdownTimeout, logger: logger, onDrain: { readiness.startDraining() }, endProcess: endProcess)
    let all = (operations.map { [$0] } ?? []) + services + [DrainNotice(shutdownGuard: shutdownGuard)]
    let group = ServiceGroup(configuration: configuration(all))
    let sources =
        [SIGTERM, SIGINT].map { signal in
            shutdownGuard.listen(to: signal) { Task { await group.triggerGracefulShutdown() } }
        } + [hangUps(onHangUp)]
    defer { for source in sources { source.cancel() } }
    let error = await run(group, cancelAfter: shutdownGuard.timeForDrain)
    return status(drainedInTime: shutdownGuard.finish(), error: error, logger: logger)
}

/// Listens to SIGHUP: of a terminal that is closed, or of an operator who has changed files that settings come from.
private func hangUps(_ act: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
    let source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: DispatchQueue(label: "hang-ups"))
    source.setEventHandler(handler: act)
    source.resume()
    return source
}

/// Runs the group, and cancels it once the stream ends; the group's own time-out would not tell a late end from one
/// in time.
/// - Returns: What the group failed with.
private func run(_ group: ServiceGroup, cancelAfter timeForDrain: AsyncStream<Void>) async -> (any Error)? {
    await withTaskGroup(of: Result<Void, any Error>?.self) { tasks in
        tasks.addTask {
            do { return .success(try await group.run()) } catch { return .failure(error) }
        }
        tasks.addTask {
            for await _ in timeForDrain {}
            return nil
        }
        var result: Result<Void, any Error>?
        for await ended in tasks {
            tasks.cancelAll()
            result = ended ?? result
        }
        guard case .failure(let error) = result else { return nil }
        return error
    }
}

/// One service that ends, well or not, lets the others drain. The group's own log would repeat ours.
private func configuration(_ services: [any Service]) -> ServiceGroupConfiguration {
    ServiceGroupConfiguration(
        services: services.map {
            .init(
                service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup, serviceName: "\(type(of: $0))")
        },
        logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() })
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
