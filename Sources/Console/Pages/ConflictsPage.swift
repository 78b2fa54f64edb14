import Candlepost
import Outbox
import Postgres
import ProgramRuntime

/// Messages that came for a stored record with other content.
enum ConflictsPage {
    private static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("record_type"), ListingColumn("market_id", isNumber: true),
        ListingColumn("interval_start"), ListingColumn("interval_end"), ListingColumn("trace_id"),
        ListingColumn("received_at"), ListingColumn("payload"),
    ]

    static func listing(_ ask: Ask) async throws -> Listing {
        let filter = try Filters.outbox(ask.fields)
        var chosen = Selection()
        chosen.add("market_id = ?", filter.market.map(Parameter.int4))
        chosen.add("record_type = ?", filter.kind.map(Parameter.text))
        chosen.add("trace_id = ?", filter.trace.map(Parameter.text))
        try chosen.add("received_at >= ?", time: filter.since, flag: "--since")
        try chosen.add("received_at < ?", time: filter.until, flag: "--until")
        chosen.add("id < ?", ask.fields.integer("before").map(Parameter.int8))
        let selection = chosen
        let rows = try await ask.readers.with { connection in
            // Payloads may be large: a page shows how they begin.
            try await connection.execute(
                """
                SELECT id, record_type, market_id::bigint, \(utc("interval_start")), \(utc("interval_end")), trace_id,
                       \(utc("received_at", "YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"")), left(payload, 2000)
                FROM conflicting_duplicates \(selection.clause) ORDER BY id DESC LIMIT \(Listing.pageSize + 1)
                """, selection.parameters)
        }
        return try Listing(columns, rows, ask, goesOn: "before")
    }

    static func page(_ ask: Ask) async throws -> Page {
        let listing = try await Self.listing(ask)
        let table = Table.html(
            caption: "Conflicting duplicates, the newest first",
            [
                .init("id", number: true), .init("what"), .init("market"), .init("interval"), .init("received"),
                .init("trace id", minor: true), .init("what came, and was not stored"),
            ],
            listing.rows.map { row in
                [
                    HTML(row[0].shown), HTML(row[1].shown),
                    "<a href=\"/markets/\(row[2].shown)\">\(row[2].shown)</a>",
                    Moment.html(row[3], .minutes), Moment.html(row[6]), HTML(row[5].shown),
                    "<code class=\"wide\">\(SafeText.oneLine(row[7].shown, limit: 160))</code>",
                ]
            },
            empty:
                "<span class=\"state good\">none</span> No message differed from the record that was stored before it.")
        let form: HTML = """
            <form class="search" role="search">\(Filters.field("market", ask.fields, size: 6))\(Filters.choice("kind", Filters.kinds, ask.fields))\
            \(Filters.field("trace", ask.fields, size: 12, label: "trace id"))\(Filters.field("since", ask.fields, size: 10, hint: "2h"))<button>Find</button></form>
            """
        let body: HTML = """
            <p class="note">The first record of a market and interval wins; what came later with other content stands here and nowhere else.</p>
            \(form)\(Page.live("conflicts", table))\(Table.foot("/conflicts", ask.fields, listing))
            """
        return Page(
            place: .conflicts, title: "Conflicts", body: body, command: Command.line("writer conflicts", ask.fields))
    }
}
