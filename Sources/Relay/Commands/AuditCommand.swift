import ArgumentParser
import Candlepost
import Outbox
import Postgres
import ProgramRuntime

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Rows of the outbox and what became of them, the newest first; with one --id its whole life.",
        discussion: """
            Ids, markets, states and times are found at once, however long the log is. A trace id, a kind or a market that is rare \
            needs a walk through the log, from the newest row on until --limit rows are found: bound it by --since. A row \
            whose transaction took longer than a minute may be missed at the edge of --since and --until.
            """)

    @OptionGroup var filter: OutboxFilter
    @Option(help: "The most rows; 0 for all.") var limit = 50
    @Flag(help: "One JSON array.") var json = false
    @Flag(help: "CSV with a header line.") var csv = false

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit is \(limit), but may be: 0 for all, or a number above") }
        if json && csv { throw ValidationError("--json and --csv exclude each other") }
    }

    func run() async throws {
        try await CommandConnections.withDatabase(.current, parameters: AuditReader.plannerSettings) {
            if filter.id.count == 1, !json, !csv {
                try await life(of: filter.id[0], $0)
            } else {
                try await list($0)
            }
        }
    }

    private func list(_ connection: PostgresConnection) async throws {
        try await filter.requireMarkets(connection)
        let reader = AuditReader(connection: connection)
        let query = try await reader.resolve(filter)
        var output = AuditListing(format: json ? .json : csv ? .csv : .table)
        var bar = ProgressBar()
        try await reader.read(
            query, limit: limit == 0 ? nil : limit, page: { rows throws(PostgresError) in try output.write(rows) },
            progress: { bar.show($0, "\(output.count) rows found") })
        bar.clear()
        let count = output.count
        output.finish()
        if limit > 0, count == limit {
            ActRun.say("only the \(limit) newest rows are shown, there may be more: --limit 0 for all")
        }
    }

    private func life(of id: Int64, _ connection: PostgresConnection) async throws {
        guard let life = try await EventLife.read(id, filter, connection) else {
            throw CommandExit(.no, try await EventLife.whyMissing(id, connection))
        }
        for line in life.lines { StandardStream.line(line) }
    }
}
