import ArgumentParser
import Candlepost
import Postgres
import ProgramRuntime

struct ConflictsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflicts",
        abstract: "Messages that came for a stored record with other content, and what becomes of them.",
        discussion: """
            Of a kind whose rule is first (RECORD_REVISIONS) the first record of a market and interval stays; what came later \
            stands here and nowhere else.
            """,
        subcommands: [ConflictsListCommand.self, ConflictsApplyCommand.self, ConflictsDiscardCommand.self],
        defaultSubcommand: ConflictsListCommand.self)
}

/// Which conflicts are meant; all conditions hold together.
struct ConflictFilter: ParsableArguments {
    @Option(help: "The conflict's id; may be given several times.") var id: [Int64] = []
    @Option(help: "The market's id.") var market: Int32?
    @Option(help: "The kind, as in CandleStick.") var kind: String?
    @Option(help: "The collector's trace id.") var trace: String?
    @Option(help: "Received at or after this time: ISO 8601, or 2h for two hours ago.") var since: String?
    @Option(help: "Received before this time.") var until: String?

    func validate() throws {
        try TimeOrder.check(since: since, until: until)
        try KindName.check(kind)
    }

    /// - Parameter openOnly: without those that were applied or discarded.
    func selection(openOnly: Bool) throws(CommandExit) -> Selection {
        var selection = Selection()
        if openOnly { selection.add("resolution IS NULL") }
        if !id.isEmpty {
            selection.add("id = ANY(?)", .array(id))
        }
        selection.add("market_id = ?", market.map(Parameter.int4))
        selection.add("record_type = ?", kind.map(Parameter.text))
        selection.add("trace_id = ?", trace.map(Parameter.text))
        try selection.add("received_at >= ?", time: since, flag: "--since")
        try selection.add("received_at < ?", time: until, flag: "--until")
        return selection
    }
}

struct ConflictsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists them, the newest first.")

    @OptionGroup var filter: ConflictFilter
    @OptionGroup var most: RowLimit
    @Flag(help: "One JSON array.") var json = false

    func run() async throws {
        var selection = try filter.selection(openOnly: false)
        let clause = selection.clause
        selection.add("?", most.parameter)
        let rows = try await CommandConnections.withDatabase(.current) { [selection] in
            try await $0.execute(
                """
                SELECT id, record_type, market_id::bigint,
                       to_char(interval_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                       to_char(interval_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), trace_id,
                       to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), resolution, payload
                FROM conflicting_duplicates \(clause) ORDER BY id DESC LIMIT $\(selection.parameters.count)
                """, selection.parameters)
        }
        var listing = ListingWriter(columns: Self.columns, format: json ? .json : .table)
        for row in 0..<most.shown(rows.count) { listing.write(try rows[row].cells(Self.columns)) }
        listing.finish()
        most.noteRest(rows.count, "writer")
    }

    private static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("record_type"), ListingColumn("market_id", isNumber: true),
        ListingColumn("interval_start"), ListingColumn("interval_end"), ListingColumn("trace_id"),
        ListingColumn("received_at"), ListingColumn("resolution"), ListingColumn("payload"),
    ]
}
