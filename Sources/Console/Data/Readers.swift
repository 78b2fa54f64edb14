import Candlepost
import Logging
import Outbox
import Postgres
import Schema

/// A few sessions that all pages read by, so that browsers, however many, never take more of the server than that.
actor Readers {
    /// Who finds all sessions taken waits behind at most so many others.
    private static let mostWaiting = 200

    private let configuration: PostgresConfiguration
    private let size: Int
    private var idle: [PostgresConnection] = []
    private var taken = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - size: how many sessions at most.
    ///   - statementTimeout: milliseconds that a statement may take.
    init(_ configuration: PostgresConfiguration, size: Int, statementTimeout: Int) {
        var own = configuration
        own.parameters = AuditReader.plannerSettings
        own.parameters["statement_timeout"] = "\(statementTimeout)"
        own.parameters["default_transaction_read_only"] = "on"
        own.replyTimeout = .milliseconds(statementTimeout * 2)
        self.configuration = own
        self.size = size
    }

    /// Runs `work` on a session of its own. One that was lost is not used again; a statement that the server refuses costs nothing.
    /// - Throws: ``TooMany`` when too many wait; else what `work` and connecting throw.
    func with<T: Sendable>(_ work: @Sendable (PostgresConnection) async throws -> T) async throws -> T {
        try await takePlace()
        defer { givePlace() }
        if let last = idle.popLast() {
            do {
                return try await use(last, work)
            } catch let error as PostgresError where error.kind == .connectionLost || error.kind == .closed {
                // It was lost while nobody used it: the server was restarted, perhaps. Reading twice harms nothing.
                await forget()
            }
        }
        return try await use(try await Database.connect(configuration, logger: Program.quietLogger), work)
    }

    private func use<T: Sendable>(
        _ connection: PostgresConnection, _ work: @Sendable (PostgresConnection) async throws -> T
    ) async throws -> T {
        do {
            let value = try await work(connection)
            idle.append(connection)
            return value
        } catch {
            if (error as? PostgresError)?.kind == .server {
                idle.append(connection)
            } else {
                await connection.close()
            }
            throw error
        }
    }

    /// Closes the sessions that nobody uses.
    func forget() async {
        let sessions = idle
        idle = []
        for connection in sessions { await connection.close() }
    }

    private func takePlace() async throws(TooMany) {
        guard taken >= size else {
            taken += 1
            return
        }
        guard waiting.count < Self.mostWaiting else { throw TooMany() }
        // Whoever gives the place up hands it over, so that it stays taken.
        await withCheckedContinuation { waiting.append($0) }
    }

    private func givePlace() {
        guard waiting.isEmpty else { return waiting.removeFirst().resume() }
        taken -= 1
    }

    struct TooMany: Error {}
}
