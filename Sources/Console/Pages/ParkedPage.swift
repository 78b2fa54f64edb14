import Candlepost
import Outbox
import Postgres
import ProgramRuntime

/// Rows that could not be published, and why.
enum ParkedPage {
    private static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("record_type"), ListingColumn("market_id", isNumber: true),
        ListingColumn("exchange"), ListingColumn("symbol"), ListingColumn("attempts", isNumber: true),
        ListingColumn("last_error"), ListingColumn("recorded_at"),
    ]

    static func listing(_ ask: Ask) async throws -> Listing {
        let filter = try Filters.outbox(ask.fields)
        try filter.allow(.parked)
        var chosen = try filter.selection()
        chosen.add("id > ?", ask.fields.integer("after").map(Parameter.int8))
        let selection = chosen
        let rows = try await ask.readers.with { connection in
            try await connection.execute(
                """
                SELECT id, record_type, market_id::bigint, exchange, symbol, attempts::bigint, last_error,
                       \(utc("recorded_at", "YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\""))
                FROM \(RowCursor.Source.parked.sql) AS parked \(selection.clause)
                ORDER BY id LIMIT \(Listing.pageSize + 1)
                """, selection.parameters)
        }
        return try Listing(columns, rows, ask, goesOn: "after")
    }

    static func page(_ ask: Ask) async throws -> Page {
        let listing = try await Self.listing(ask)
        let table = Table.html(
            caption: "Parked rows, the oldest first",
            [
                .init("id", number: true), .init("what"), .init("market"), .init("why"),
                .init("attempts", number: true, minor: true), .init("parked at"),
            ],
            listing.rows.map { row in
                [
                    "<a href=\"/events/\(row[0].shown)\">\(row[0].shown)</a>", HTML(row[1].shown),
                    "<a href=\"/markets/\(row[2].shown)\">\(row[4].shown)</a>",
                    "<span class=\"wide\">\(SafeText.oneLine(row[6].shown, limit: 300))</span>", HTML(row[5].shown),
                    Moment.html(row[7]),
                ]
            }, empty: "<span class=\"state good\">none</span> No row is parked: the broker has taken all that was sent."
        )
        let body: HTML = """
            \(EventsPage.form(ask.fields, states: []))<p class="row">\(ActingPages.link(.retry, ask, "Retry these…")) \(ActingPages.link(.discard, ask, "Discard these…"))</p>\(Page.live("parked", table))\(Table.foot("/parked", ask.fields, listing))
            """
        return Page(place: .parked, title: "Parked", body: body, command: Command.line("relay parked list", ask.fields))
    }
}
