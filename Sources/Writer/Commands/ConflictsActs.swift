import ArgumentParser
import Candlepost
import Postgres
import ProgramRuntime
import Quarantine

/// What every recorded act on conflicts takes.
struct ConflictsAct: ParsableArguments {
    @OptionGroup var filter: ConflictFilter
    @Option(help: "Why it is done; kept with who did it and when.") var reason: String?
    @Flag(help: "Do it; without this the messages are only counted.") var yes = false

    /// - Throws: `ValidationError`.
    func requireReason() throws {
        if yes, reason == nil { throw ValidationError("why? Give --reason, which is kept with the messages") }
    }

    /// Does something with those that nobody has decided on, or says how many there are because `--yes` is missing.
    func run(_ act: (ConflictActs, [Int64]) async throws -> String) async throws {
        let selection = try filter.selection(openOnly: true)
        let done = try await CommandConnections.withDatabase(.current) { connection -> String? in
            let rows = try await connection.execute(
                "SELECT id FROM conflicting_duplicates \(selection.clause) ORDER BY id", selection.parameters)
            StandardStream.line("\(rows.count) conflicts that nobody has decided on")
            if rows.count == 0, !filter.id.isEmpty { throw CommandExit(.no, "no such conflict has that id") }
            guard yes else { return nil }
            let ids = try rows.map { row throws(PostgresError) in try row.int8(0) }
            return try await act(ConflictActs(connection: connection, actedBy: Program.operatorName, why: reason), ids)
        }
        guard let done else { return QuarantineAct.sayNothingDone() }
        StandardStream.line(done)
    }
}

struct ConflictsApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Puts messages in the place of what is stored, which is kept, and announces them with x-revision.")

    @OptionGroup var act: ConflictsAct

    func validate() throws { try act.requireReason() }

    func run() async throws {
        try await act.run { acts, ids in
            let outcome = try await acts.apply(ids)
            return "applied \(outcome.applied), the same by now \(outcome.same), left \(outcome.left)"
        }
    }
}

struct ConflictsDiscardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "Gives messages up: they stay, and count as resolved.")

    @OptionGroup var act: ConflictsAct

    func validate() throws { try act.requireReason() }

    func run() async throws {
        try await act.run { acts, ids in "discarded \(try await acts.discard(ids))" }
    }
}
