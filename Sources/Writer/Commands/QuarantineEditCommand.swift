import ArgumentParser
import Candlepost
import Postgres
import ProgramRuntime
import Quarantine

struct QuarantineEditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Puts another body in the place of a message's, and keeps the one before.",
        discussion: """
            Says first what would become of the message with that body; with --yes it is changed, and recorded. It is requeued \
            by `writer quarantine requeue`.
            """)

    @Argument(help: "The row of the quarantine.") var id: Int64
    @Argument(help: "The file of the new body, which is taken byte for byte.") var file: String
    @Option(help: "Why it is done; kept with who did it and when.") var reason: String?
    @Flag(help: "Do it; without this it is only tried.") var yes = false

    func validate() throws {
        if yes, reason == nil { throw ValidationError("why? Give --reason, which is kept with the message") }
    }

    func run() async throws {
        let limit = try SettingsReader.current.read(WriterSettings.maximumMessageSetting)
        let body = try InputFile.read(file, limit: limit)
        let isDone = try await CommandConnections.withDatabase(.current) { connection -> Bool in
            let rows = try await connection.execute(
                "SELECT queue FROM quarantine WHERE id = $1 AND resolved_at IS NULL", [.int8(id)])
            guard rows.count == 1 else { throw CommandExit(.no, "no open message has that id") }
            let outcome = try await QuarantineTrial.run(
                body, queue: try rows[0].text(0), maximumBytes: limit, connection)
            StandardStream.line(Self.line(outcome))
            guard yes else { return false }
            guard
                try await QuarantineEdit.run(id, body: body, actedBy: Program.operatorName, why: reason, connection)
            else { throw CommandExit(.no, "the message has left quarantine meanwhile") }
            return true
        }
        guard isDone else { return QuarantineAct.sayNothingDone() }
        StandardStream.line("edited \(id); what it was is kept")
    }

    private static func line(_ outcome: QuarantineTrial.Outcome) -> String {
        switch outcome {
        case .stored(let kind, let market): "requeued, it would be stored: \(kind) of market \(market)"
        case .duplicate(let kind, let market): "requeued, it would be a duplicate: \(kind) of market \(market)"
        case .refused(let reason, let detail):
            "requeued, it would be refused again: \(reason), \(SafeText.oneLine(detail, limit: 300))"
        }
    }
}
