import Candlepost
import Logging
import Outbox
import Postgres
import ProgramRuntime
import Schema
import Synchronization

/// Runs of verify: one at a time, seen by every browser. What came of them stands in the database, or here where it may not stand there.
final class Proofs: Sendable {
    /// A run that has ended.
    struct Proof: Sendable {
        /// Seconds since 1970.
        let at: Int64
        let seconds: Double
        /// Who ran it, as the database knows him; nil for one that is not kept.
        var by: String?
        /// The promises; none if it could not be run.
        var checks: [Verification.Check] = []
        var sums: [String] = []
        /// Why it could not be run.
        var failure: String?
        /// Why the database does not have it.
        var whyUnkept: String?

        var broken: [Verification.Check] { checks.filter { !$0.holds } }
        var holds: Bool { failure == nil && broken.isEmpty }

        init(_ kept: KeptVerification) {
            (at, seconds, by, checks, sums) = (kept.at, kept.seconds, kept.by, kept.checks, kept.sums)
        }

        init(at: Int64, seconds: Double, _ verification: Verification, whyUnkept: String) {
            (self.at, self.seconds, self.whyUnkept) = (at, seconds, whyUnkept)
            checks = verification.checks
            sums = VerificationText.sums(verification.totals)
        }

        init(at: Int64, seconds: Double, failure: String) {
            (self.at, self.seconds, self.failure) = (at, seconds, failure)
        }
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
        var unkept: [Proof] = []
    }

    private static let mostUnkept = 20

    private let reader: PostgresConfiguration
    private let actor: PostgresConfiguration?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - reader: by which it reads.
    ///   - actor: a role that may keep what was found, for the case that the reader may not.
    init(_ reader: PostgresConfiguration, actor: PostgresConfiguration?) {
        var own = reader
        own.applicationName += " verify"
        own.parameters = Verification.serverSettings
        own.parameters["default_transaction_read_only"] = "on"
        own.replyTimeout = .seconds(3600)
        self.reader = own
        self.actor = actor
    }

    var running: Running? { state.withLock { $0.running } }
    /// Those that the database does not have, the newest first.
    var unkept: [Proof] { state.withLock { $0.unkept } }

    /// Starts a run, unless one is at work.
    /// - Parameter name: who asks for it.
    func start(by name: String?) {
        state.withLock { state in
            guard state.running == nil else { return }
            state.running = Running(start: .now)
            state.task = Task { await self.run(says: name.map { "\($0), by the console" } ?? "the console") }
        }
    }

    /// Ends a run before its end: nothing is kept of it.
    func stop() { state.withLock { $0.task }?.cancel() }

    private func run(says: String) async {
        let start = ContinuousClock.now
        let seconds = { (ContinuousClock.now - start) / .seconds(1) }
        var unkept: Proof?
        do {
            unkept = try await verify(says: says)
        } catch {
            unkept = Task.isCancelled ? nil : Proof(at: Self.now, seconds: seconds(), failure: "\(error)")
        }
        state.withLock { state in
            state.running = nil
            state.task = nil
            if let unkept { state.unkept = [unkept] + state.unkept.prefix(Self.mostUnkept - 1) }
        }
    }

    /// - Returns: what was found, if it could not be kept.
    private func verify(says: String) async throws -> Proof? {
        let start = ContinuousClock.now
        let connection = try await Database.connect(reader, logger: Program.quietLogger)
        let result: Result<Proof?, any Error>
        result = await withTaskCancellationHandler {
            do {
                let verification = try await Verification.run(connection) { note($0, $1) }
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                do {
                    if try await verification.keep(seconds: seconds, says: says, connection) { return .success(nil) }
                    if try await keepAsActor(verification, seconds: seconds, says: says) { return .success(nil) }
                    return .success(Proof(at: Self.now, seconds: seconds, verification, whyUnkept: Self.mayNot))
                } catch {
                    return .success(Proof(at: Self.now, seconds: seconds, verification, whyUnkept: "\(error)"))
                }
            } catch { return .failure(error) }
        } onCancel: {
            Task { await connection.close() }
        }
        await connection.close()
        return try result.get()
    }

    private func note(_ share: Double, _ what: String) {
        state.withLock { state in
            state.running?.share = share
            state.running?.what = what
        }
    }

    private static var now: Int64 { WallClock.milliseconds / 1000 }

    private static let mayNot =
        "its role may not keep it. The owner of the schema allows that by SELECT candlepost_grant('console', 'its role')."

    private func keepAsActor(_ verification: Verification, seconds: Double, says: String) async throws -> Bool {
        guard let actor else { return false }
        let connection = try await Database.connect(actor, logger: Program.quietLogger)
        let result: Result<Bool, any Error>
        do {
            result = .success(try await verification.keep(seconds: seconds, says: says, connection))
        } catch { result = .failure(error) }
        await connection.close()
        return try result.get()
    }
}
