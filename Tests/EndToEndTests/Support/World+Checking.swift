import Glibc
import Postgres
import TestSupport
import Testing

extension World {
    /// Waits until everything that was sent is stored and announced, ends the programs in good order, and holds the
    /// promises against what is left.
    /// - Parameters:
    ///   - programs: what runs; each must drain and exit 0.
    ///   - change: what the test knows of the run: its faults, and what they allow.
    /// - Returns: the history, for what else the test wants to know.
    @discardableResult
    func check(
        _ programs: [Program], within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
        _ change: (inout History) -> Void = { _ in }
    ) async throws -> History {
        var history = History()
        change(&history)
        history.sent = await collector.sent
        history.times.sent = await collector.sentAt
        history.leftovers = leftovers
        do {
            try await drained(history.sent, within: limit)
        } catch {
            history.isDrained = false
            Issue.record("\(error)", sourceLocation: sourceLocation)
        }
        for program in programs { try await stop(program, sourceLocation) }
        try await gateway.stop()
        let connection = try await database.connect()
        try await HistoryReader(connection: connection).read(into: &history)
        await connection.close()
        (history.deliveries, history.times.received) = (gateway.deliveries, gateway.receivedAt)
        let violations = Checker.check(history)
        #expect(violations.isEmpty, "\(Self.summary(violations))\n\(logs)", sourceLocation: sourceLocation)
        #expect(tellers.map(\.name) == [], "a password was said", sourceLocation: sourceLocation)
        #expect(try await verifies(), "relay verify", sourceLocation: sourceLocation)
        return history
    }

    /// Whether `relay verify` agrees.
    private func verifies() async throws -> Bool {
        let program = try await start(.relay, ["verify"])
        return try await program.ended(within: .seconds(60)) == .status(0)
    }

    private func drained(_ sent: [Message], within limit: Duration) async throws {
        let records = Set(sent.compactMap(\.id)).count
        let poison = Set(sent.filter { $0.id == nil }.map(\.body)).count
        try await eventually(
            "everything is announced", ifNothingMovesFor: limit, count: { gateway.distinctCount }, reaches: records)
        try await eventually("everything is in the books", within: limit) {
            let row = try await query(
                """
                SELECT (SELECT coalesce(sum(received), 0)::bigint FROM ingest_batches),
                       (SELECT count(DISTINCT body) FROM quarantine),
                       (SELECT count(*) FROM outbox_audit WHERE state = 'pending')
                """)
            return row.int8(0, 0) >= sent.count && row.int8(0, 1) >= poison && row.int8(0, 2) == 0
        }
        try await eventually("the collectors' queues are empty", within: limit) { try await host.countInput() == 0 }
    }

    /// SIGTERM, and the end must be a good one, within the time that the program gives itself.
    func stop(_ program: Program, _ sourceLocation: SourceLocation = #_sourceLocation) async throws {
        program.kill(SIGTERM)
        let exit = try await program.ended(within: .seconds(60))
        #expect(exit == .status(0), "\(program.name)\n\(program.logEnd())", sourceLocation: sourceLocation)
    }

    /// At most three of each code, so that the first line can be found.
    private static func summary(_ violations: [Violation]) -> String {
        let byCode = Dictionary(grouping: violations, by: \.code)
        return byCode.values.map { group in
            group.prefix(3).map(\.description).joined(separator: "\n") + "\n(\(group.count) \(group[0].code))"
        }.joined(separator: "\n")
    }
}
