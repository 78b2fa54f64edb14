import ArgumentParser
import Candlepost
import Glibc
import Postgres
import ProgramRuntime
import Quarantine

struct QuarantineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "Messages that could not be records: what they were, why, and back in again.",
        subcommands: [
            QuarantineListCommand.self, QuarantineShowCommand.self, QuarantineRequeueCommand.self,
            QuarantineDiscardCommand.self, QuarantineEditCommand.self,
        ])
}

struct QuarantineListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists quarantined messages, the newest first.")

    @OptionGroup var filter: QuarantineFilter
    @Flag(help: "Also those that are resolved.") var all = false
    @OptionGroup var most: RowLimit
    @Flag(help: "One JSON array.") var json = false

    func run() async throws {
        var selection = try filter.selection(openOnly: !all && filter.id.isEmpty)
        let clause = selection.clause
        selection.add("?", most.parameter)
        let rows = try await CommandConnections.withDatabase(.current) { [selection] in
            try await $0.execute(
                """
                SELECT id, queue, reason, detail, market_id, length(body)::bigint,
                       to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), attempts,
                       to_char(resolved_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), resolution
                FROM quarantine \(clause) ORDER BY id DESC LIMIT $\(selection.parameters.count)
                """, selection.parameters)
        }
        var listing = ListingWriter(columns: Self.columns, format: json ? .json : .table)
        for row in 0..<most.shown(rows.count) { listing.write(try rows[row].cells(Self.columns)) }
        listing.finish()
        most.noteRest(rows.count, "writer")
    }

    private static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("queue"), ListingColumn("reason"), ListingColumn("detail"),
        ListingColumn("market_id", isNumber: true), ListingColumn("body_bytes", isNumber: true),
        ListingColumn("received_at"), ListingColumn("attempts", isNumber: true), ListingColumn("resolved_at"),
        ListingColumn("resolution"),
    ]
}

struct QuarantineShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows one message: what it is, what was done to it, and its body.")

    @Argument(help: "The row of the quarantine.") var id: Int64
    @Flag(help: "Nothing but the body, byte for byte; not to a terminal, which it could steer.") var body = false

    func run() async throws {
        guard !body || isatty(STDOUT_FILENO) == 0 else {
            throw CommandExit(
                .usage, "--body writes raw bytes, and standard output is a terminal: redirect it to a file")
        }
        let (rows, acts) = try await CommandConnections.withDatabase(.current) { connection in
            (
                try await connection.execute(Self.message, [.int8(id)]),
                try await connection.execute(Self.acts, [.int8(id)])
            )
        }
        guard rows.count == 1 else { throw CommandExit(.no, "quarantine has no row \(id)") }
        let bytes = try rows[0].bytes(Self.names.count)
        guard !body else { return bytes.withUnsafeBytes { StandardStream.write($0, to: STDOUT_FILENO) } }
        for (column, name) in Self.names.enumerated() {
            if let text = try rows[0].optionalText(column) { line(name, text) }
        }
        for act in 0..<acts.count { line("act", try acts[act].text(0)) }
        let text = String(decoding: bytes.prefix(Self.shownBytes), as: UTF8.self)
        StandardStream.line("body\n\(SafeText.lines(text, limit: Self.shownBytes))")
        if bytes.count > Self.shownBytes {
            StandardStream.write(
                "writer: the first \(Self.shownBytes) of \(bytes.count) bytes; all: --body\n", to: STDERR_FILENO)
        }
    }

    /// So much of a body is shown; all of it leaves by `--body`.
    private static let shownBytes = 65_536

    private func line(_ name: String, _ text: String) {
        StandardStream.line("\(name.padding(to: 12)) \(SafeText.oneLine(text, limit: 4096))")
    }

    private static let names = [
        "id", "queue", "reason", "detail", "market_id", "headers", "received_at", "attempts", "resolution",
    ]
    private static let message = """
        SELECT id::text, queue, reason, detail, market_id::text, headers::text,
               to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), attempts::text,
               resolution || to_char(resolved_at AT TIME ZONE 'UTC', ' "at" YYYY-MM-DD"T"HH24:MI:SS"Z"'), body
        FROM quarantine WHERE id = $1
        """
    private static let acts = """
        SELECT to_char(acted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ' ' || act || ': ' || outcome
               || ', by ' || acted_by || coalesce(', because ' || why, '')
        FROM quarantine_acts WHERE quarantine_id = $1 ORDER BY id
        """
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
