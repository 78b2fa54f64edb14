import Logging

extension PostgresConnection {
    /// Makes a fresh session ours, in one round trip: its settings, and whether it is one at all.
    /// - Throws: as ``pipeline(_:)``; `connect` where what answers shares its sessions among clients.
    func settle(_ configuration: PostgresConfiguration, given: String?) async throws(PostgresError) {
        let facts = try await say(configuration, given: given, heedsOptions: true)
        encoding = try facts.text(1)
        let process = try facts.int4(0)
        let heedsOptions = try facts.bool(2)
        if !heedsOptions { _ = try await say(configuration, given: given, heedsOptions: false) }
        guard process != backendProcessID || !heedsOptions else { return }
        try await refuseSharing(configuration, process: process)
    }

    private func say(
        _ configuration: PostgresConfiguration, given: String?, heedsOptions: Bool
    ) async throws(PostgresError) -> Row {
        let settings = SessionSettings(
            configuration, given: given, serverVersion: serverVersion, heedsOptions: heedsOptions)
        return try await run([settings.statement], timeout: configuration.connectTimeout)[0][0]
    }

    // MARK: poolers

    /// There is a pooler in between: it answers with another process than the server's. That is fine if this session keeps its
    /// process, and not if the next client gets it. So clients are added that hold a transaction each: of those that share,
    /// one gets ours, or we get another.
    private func refuseSharing(
        _ configuration: PostgresConfiguration, process: Int32
    ) async throws(PostgresError) {
        var others: [PostgresConnection] = []
        var isShared = false
        for _ in 0..<3 where !isShared {
            guard let other = try? await Self.unsettled(configuration) else { break }
            others.append(other)
            do {
                let began = try await other.run([Statement("BEGIN"), Self.whoIsThere], timeout: .seconds(2))
                isShared = try began[1][0].int4(0) == process
            } catch {
                // A pooler that shares single statements refuses BEGIN. One that has no session left keeps silent.
                isShared = error.kind != .replyTimeout
                break
            }
        }
        if !isShared { isShared = try await run([Self.whoIsThere], timeout: .seconds(5))[0][0].int4(0) != process }
        for other in others { await other.close() }
        guard !isShared else { throw .sharedSessions }
    }

    private static let whoIsThere = Statement("SELECT pg_backend_pid()")
}

extension PostgresError {
    fileprivate static let sharedSessions = PostgresError(
        kind: .connect,
        message:
            "a connection pooler in between shares sessions among clients (transaction or statement mode), and with "
            + "them locks and notifications: use session mode, or connect to PostgreSQL itself")
}
