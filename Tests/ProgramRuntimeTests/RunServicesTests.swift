import Glibc
import Logging
import ServiceLifecycle
import ServiceLifecycleTestKit
import Synchronization
import Testing

import enum ProgramRuntime.ExitStatus  // Testing has one too

@testable import ProgramRuntime

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// What happened, in order.
private final class Journal: Sendable {
    private let entries = Mutex<[String]>([])
    var all: [String] { entries.withLock { $0 } }
    func note(_ entry: String) { entries.withLock { $0.append(entry) } }
}

/// Works until it is told to stop, then calls `drain`.
private struct Worker: ServiceLifecycle.Service {
    let started: AsyncStream<Void>.Continuation
    let drain: @Sendable () async throws -> Void

    func run() async throws {
        started.yield()
        try await gracefulShutdown()
        try await drain()
    }
}

private struct Unavailable: ExitStatusError {
    let exitStatus = ExitStatus.unavailable
}

@Suite(.timeLimit(.minutes(10))) struct RunServicesTests {
    private let readiness = Readiness()
    private let journal = Journal()

    /// Runs a worker, stops the group once it works, and gives the status.
    private func run(
        timeout: Duration = .seconds(5), operations: OperationsServer? = nil,
        endProcess: @escaping @Sendable (Int32) -> Void = { _ in },
        drain: @escaping @Sendable () async throws -> Void
    ) async -> ExitStatus {
        let (started, continuation) = AsyncStream.makeStream(of: Void.self)
        let worker = Worker(started: continuation, drain: drain)
        return await testGracefulShutdown { trigger in
            async let status = runServices(
                [worker], operations: operations, readiness: readiness, shutdownTimeout: timeout, logger: quiet,
                endProcess: endProcess)
            for await _ in started { break }
            trigger.triggerGracefulShutdown()
            return await status
        }
    }

    @Test func aCleanDrainIsDone() async throws {
        let server = try OperationsServer(
            address: try #require(BindAddress("127.0.0.1:0")), setting: CommonSettings.logLevel, readiness: readiness,
            metrics: PrometheusRegistry(), logger: quiet)
        let client = RawHTTPClient(address: server.address)
        let status = await run(operations: server) { [journal] in
            let answer = await client.body(of: "/readyz", status: 503)
            journal.note("drain: \(answer ?? "none")")
            try await Task.sleep(for: .milliseconds(20))
            journal.note("drained")
        }
        #expect(status == .done)
        #expect(journal.all == ["drain: draining\n", "drained"])
    }

    @Test func aDrainThatTakesTooLongIsCancelled() async {
        let status = await run(timeout: .milliseconds(50)) { [journal] in
            do {
                try await Task.sleep(for: .seconds(30))
            } catch {
                journal.note("cancelled")
                throw error
            }
        }
        #expect(status == .no)
        #expect(journal.all == ["cancelled"])
    }

    @Test func theProcessEndsAlthoughAServiceIgnoresItsCancellation() async {
        let (ended, end) = AsyncStream.makeStream(of: Int32.self)
        let endProcess = { @Sendable (status: Int32) -> Void in _ = end.yield(status) }
        let status = await run(timeout: .milliseconds(50), endProcess: endProcess) { [journal] in
            // Deaf to cancellation: only the end of the process ends it.
            await Task.detached {
                for await status in ended {
                    journal.note("ended with \(status)")
                    break
                }
            }.value
        }
        #expect(journal.all == ["ended with 1"])
        #expect(status == .no)
    }

    @Test func aFailureGivesItsStatus() async {
        #expect(await run { throw Unavailable() } == .unavailable)
        #expect(await run { throw SettingError(setting: "X", problem: "is wrong") } == .configuration)
    }
}

@Suite struct ShutdownTests {
    private func actions(_ events: (inout Shutdown) -> Shutdown.Action...) -> [Shutdown.Action] {
        var shutdown = Shutdown()
        return events.map { $0(&shutdown) }
    }

    @Test func theFirstSignalDrainsAndTheSecondEnds() {
        #expect(
            actions({ $0.signalled(SIGTERM) }, { $0.signalled(SIGINT) }, { $0.signalled(SIGINT) })
                == [.drain, .end(status: 130), .nothing])
    }

    @Test func aSignalDuringAnyDrainEnds() {
        #expect(
            actions({ $0.begin() }, { $0.begin() }, { $0.signalled(SIGTERM) })
                == [.drain, .nothing, .end(status: 143)])
    }

    @Test func whatIsLateIsCancelledAndThenEnded() {
        #expect(
            actions({ $0.begin() }, { $0.timeIsOver() }, { $0.begin() }, { $0.timeIsOver() }, { $0.timeIsOver() })
                == [.drain, .cancel, .nothing, .end(status: 1), .nothing])
    }

    @Test func aSignalDuringTheCancellationEnds() {
        #expect(
            actions({ $0.begin() }, { $0.timeIsOver() }, { $0.signalled(SIGTERM) })
                == [.drain, .cancel, .end(status: 143)])
    }

    @Test func nothingHappensAfterTheEnd() {
        #expect(
            actions(
                { $0.begin() }, { $0.finish() ? .drain : .nothing }, { $0.timeIsOver() }, { $0.signalled(SIGTERM) },
                { $0.begin() }) == [.drain, .drain, .nothing, .nothing, .nothing])
    }

    @Test func onlyADrainInTimeIsClean() {
        var unasked = Shutdown()
        var late = Shutdown()
        _ = late.begin()
        _ = late.timeIsOver()
        let clean = [unasked.finish(), late.finish()]
        #expect(clean == [false, false])
    }
}
