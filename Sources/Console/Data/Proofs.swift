import Logging
import Outbox
import Postgres
import Program
import Schema
import Synchronization

/// Runs of verify: one at a time, seen by every browser, and what came of the last ones.
final class Proofs: Sendable {
    /// A run that has ended.
    struct Proof: Sendable {
        /// Seconds since 1970.
        let at: Int64
        let seconds: Double
        /// nil: it could not be run, and why.
        let verification: Verification?
        let failure: String?

        var holds: Bool { verification?.broken.isEmpty == true }
    }

    /// How far a run is.
    struct Running: Sendable {
        let start: ContinuousClock.Instant
        var share = 0.0
        var what = "connecting"
    }

    private struct State {
        var running: Running?
        var task: Task<Void, Never>?
        var proofs: [Proof] = []
    }

    private static let mostKept = 20

    private let configuration: PostgresConfiguration
    private let state = Mutex(State())

    init(_ configuration: PostgresConfiguration) {
        var own = configuration
        own.applicationName += " verify"
        own.parameters = Verification.serverSettings
        own.parameters["default_transaction_read_only"] = "on"
        own.replyTimeout = .seconds(3600)
        self.configuration = own
    }

    var running: Running? { state.withLock { $0.running } }
    /// The newest first.
    var proofs: [Proof] { state.withLock { $0.proofs } }

    /// Starts a run, unless one is at work.
    func start(at now: Int64) {
        state.withLock { state in
            guard state.running == nil else { return }
            state.running = Running(start: .now)
            state.task = Task { await self.run(at: now) }
        }
    }

    /// Ends a run before its end: nothing is kept of it.
    func stop() { state.withLock { $0.task }?.cancel() }

    private func run(at now: Int64) async {
        let start = ContinuousClock.now
        let proof: Proof?
        do {
            let verification = try await verify()
            proof = Proof(
                at: now, seconds: (.now - start) / .seconds(1), verification: verification, failure: nil)
        } catch {
            proof =
                Task.isCancelled
                ? nil : Proof(at: now, seconds: (.now - start) / .seconds(1), verification: nil, failure: "\(error)")
        }
        state.withLock { state in
            state.running = nil
            state.task = nil
            if let proof { state.proofs = [proof] + state.proofs.prefix(Self.mostKept - 1) }
        }
    }

    private func verify() async throws -> Verification {
        let connection = try await Database.connect(configuration, logger: Program.quietLogger)
        let result: Result<Verification, any Error>
        result = await withTaskCancellationHandler {
            do {
                return .success(
                    try await Verification.run(connection) { share, what in
                        state.withLock { state in
                            state.running?.share = share
                            state.running?.what = what
                        }
                    })
            } catch { return .failure(error) }
        } onCancel: {
            Task { await connection.close() }
        }
        await connection.close()
        return try result.get()
    }
}
