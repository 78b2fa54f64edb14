import ArgumentParser
import Candlepost
import Postgres
import ProgramRuntime
import Records
import Schema

struct KindsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kinds", abstract: "Keeps the kinds of records: what collectors may send, and where it is stored.",
        subcommands: [KindsListCommand.self, KindsCheckCommand.self, KindsApplyCommand.self])
}

struct KindsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the kinds that the database has, and who applied them.")

    @Flag(help: "One JSON array.") var json = false

    func run() async throws {
        let kinds = try await CommandConnections.withDatabase(.current) { try await ListedKind.all($0) }
        var listing = ListingWriter(columns: Self.columns, format: json ? .json : .table)
        for listed in kinds {
            listing.write([
                .text(listed.kind.name), .text(listed.kind.queue), .text(listed.kind.table),
                // All of them would make lines that no terminal holds.
                json
                    ? .array(listed.kind.fields.map { "\($0.name) \($0.type.rawValue)" })
                    : .integer(Int64(listed.kind.fields.count)),
                .text(listed.kind.partition.rawValue), .text(listed.kind.versions.text),
                listed.appliedBy.map(ListingValue.text) ?? .null, listed.appliedAt.map(ListingValue.text) ?? .null,
            ])
        }
        listing.finish()
    }

    private static let columns = [
        ListingColumn("name"), ListingColumn("queue"), ListingColumn("table"), ListingColumn("fields", isNumber: true),
        ListingColumn("partition"), ListingColumn("versions"), ListingColumn("applied_by"), ListingColumn("applied_at"),
    ]
}

struct KindsCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Says what is wrong with the file of a kind, or what applying it would change, and the SQL.",
        discussion: "The file is described in docs/new-kind.md. Without a database only the file itself is looked at.")

    @Argument(help: "The file, as in funding-rate.json.") var file: String

    func run() async throws {
        let application = try KindInput.read(file)
        let plan = try await KindInput.refusing(file) {
            try await CommandConnections.withDatabase(.current) { try await application.plan($0) }
        }
        KindInput.say(plan, application.kind)
    }
}

struct KindsApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract:
            "Makes the table of a kind, or adds columns to it; running writers and relays know it a second later.",
        discussion: """
            For the owner of the schema. Columns are only added, and nothing is taken away. Who applied it, and when, is kept with \
            the file: `writer kinds list`.
            """)

    @Argument(help: "The file, as in funding-rate.json.") var file: String
    @Flag(help: "Do it; without this what would be done is only shown.") var yes = false

    func run() async throws {
        let application = try KindInput.read(file)
        let plan = try await KindInput.refusing(file) {
            try await CommandConnections.withDatabase(.current) {
                yes ? try await application.apply($0) : try await application.plan($0)
            }
        }
        KindInput.say(plan, application.kind)
        guard plan.change != .none else { return }
        if yes { StandardStream.line("applied") } else { QuarantineAct.sayNothingDone() }
    }
}

/// The file of a kind on the command line, and what is said about it.
private enum KindInput {
    /// - Throws: ``CommandExit`` with 1, and the line and the reason.
    static func read(_ file: String) throws(CommandExit) -> KindApplication {
        let bytes = try InputFile.read(file, limit: KindFile.maximumBytes)
        do { return try KindApplication(bytes) } catch {
            throw CommandExit(.no, "\(file):\(error.line): \(error.reason)")
        }
    }

    /// - Throws: ``CommandExit`` with 1 for a ``KindRefusal``.
    static func refusing<T>(_ file: String, _ work: () async throws -> T) async throws -> T {
        do { return try await work() } catch let refusal as KindRefusal {
            throw CommandExit(.no, "\(file): \(refusal)")
        }
    }

    static func say(_ plan: KindPlan, _ kind: RecordKind) {
        let fields = "\(kind.fields.count) field\(kind.fields.count == 1 ? "" : "s")"
        switch plan.change {
        case .none: StandardStream.line("\(kind.name) is as the file says")
        case .new: StandardStream.line("\(kind.name) is new: \(fields), queue \(kind.queue), table \(kind.table)")
        case .changed(let columns) where columns.isEmpty:
            StandardStream.line("\(kind.name) gets the file's rules; its columns stay as they are")
        case .changed(let columns):
            StandardStream.line("\(kind.name) gets \(columns.joined(separator: ", ")) in \(kind.table)")
        }
        for statement in plan.sql { StandardStream.line("\(statement);") }
    }
}
