import ArgumentParser
import Candlepost
import Glibc
import Postgres
import ProgramRuntime
import Quarantine
import Storing

/// What every recorded act on the quarantine takes.
struct QuarantineAct: ParsableArguments {
    @OptionGroup var filter: QuarantineFilter
    @Option(help: "Why it is done; kept with who did it and when.") var reason: String?
    @Flag(help: "All open messages, where no other selection is given.") var all = false
    @Flag(help: "Do it; without this the messages are only counted.") var yes = false

    /// Counting is what was asked for, so it is done.
    static func sayNothingDone() {
        StandardStream.write("writer: nothing done: repeat with --yes\n", to: STDERR_FILENO)
    }

    /// Makes sure that somebody said which messages: all of them is a word, too.
    /// - Throws: `ValidationError`.
    func requireSelection() throws {
        guard filter.isEmpty, !all else { return }
        throw ValidationError(
            "which messages? Give at least one of --id, --refused, --queue, --market, --since, or --all")
    }

    /// The open messages that are meant, or nil after saying how many there are because `--yes` is missing.
    func ids(_ connection: PostgresConnection) async throws -> [Int64]? {
        let selection = try filter.selection(openOnly: true)
        let rows = try await connection.execute(
            "SELECT id FROM quarantine \(selection.clause) ORDER BY id", selection.parameters)
        StandardStream.line("\(rows.count) open messages")
        guard rows.count > 0 else {
            guard filter.id.isEmpty else { throw CommandExit(.no, "no open message has that id") }
            return []
        }
        guard yes else { return nil }
        return try rows.map { row throws(PostgresError) in try row.int8(0) }
    }
}

struct QuarantineRequeueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "requeue",
        abstract: "Tries messages again: what can be a record by now is stored and announced as usual.")

    @OptionGroup var act: QuarantineAct

    func validate() throws {
        if act.yes { try act.requireSelection() }
    }

    func run() async throws {
        let limit = try SettingsReader.current.read(WriterSettings.maximumMessageSetting)
        let rules = try SettingsReader.current.read(RevisionRules.setting)
        let outcome = try await CommandConnections.withDatabase(.current) { connection in
            guard let ids = try await act.ids(connection) else { return QuarantineRetry.Outcome?.none }
            let retry = QuarantineRetry(
                connection: connection, maximumMessageBytes: limit, act: "requeued", actedBy: Program.operatorName,
                why: act.reason, rules: rules)
            return try await retry.run(ids)
        }
        guard let outcome else { return QuarantineAct.sayNothingDone() }
        StandardStream.line(
            "stored \(outcome.stored), duplicate \(outcome.duplicate), still refused \(outcome.refused)")
    }
}

struct QuarantineDiscardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "Gives messages up: they stay, and count as resolved.")

    @OptionGroup var act: QuarantineAct

    func validate() throws {
        guard act.yes else { return }
        try act.requireSelection()
        if act.reason == nil { throw ValidationError("why? Give --reason, which is kept with the messages") }
    }

    func run() async throws {
        let discarded = try await CommandConnections.withDatabase(.current) { connection -> Int? in
            guard let ids = try await act.ids(connection) else { return nil }
            return try await QuarantineDiscard.run(ids, actedBy: Program.operatorName, why: act.reason, connection)
        }
        guard let discarded else { return QuarantineAct.sayNothingDone() }
        StandardStream.line("discarded \(discarded)")
    }
}
