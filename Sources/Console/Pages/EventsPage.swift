import Outbox
import Postgres
import ProgramRuntime

/// Rows of the outbox and what became of them, found by the flags of `relay audit`.
enum EventsPage {
    static func listing(_ ask: Ask) async throws -> Listing {
        let filter = try Filters.outbox(ask.fields)
        let below = ask.fields.integer("before")
        let (rows, reached) = try await ask.readers.with { connection in
            try await filter.requireMarkets(connection)
            let reader = AuditReader(connection: connection)
            var found: [Rows] = []
            let reached = try await reader.readSome(
                try await reader.resolve(filter), limit: Listing.pageSize, below: below, within: .seconds(2)
            ) { found.append($0) }
            return (found, reached)
        }
        var listing = Listing(columns: AuditListing.columns)
        for page in rows { listing.rows += try page.map { row throws(PostgresError) in try values(row) } }
        if let next = reached.below { listing.next = ask.fields.with("before", "\(next)").query }
        if let time = reached.time, listing.rows.count < Listing.pageSize {
            listing.coverage = "looked through \(Figures.grouped(reached.ids)) ids back to \(time)"
        }
        return listing
    }

    static func values(_ row: Row) throws(PostgresError) -> [ListingValue] {
        var values: [ListingValue] = []
        for place in AuditListing.columns.indices {
            if try row.isNull(place) {
                values.append(.null)
            } else {
                switch place {
                case 0: values.append(.integer(try row.int8(place)))
                case 2, 8, 13: values.append(.integer(Int64(try row.int4(place))))
                default: values.append(.text(try row.text(place)))
                }
            }
        }
        return values
    }

    static func page(_ ask: Ask, _ settings: ConsoleSettings) async throws -> Page {
        if let id = ask.fields.integer("id"), ask.fields.all("id").count == 1, ask.fields.fields.count < 12 {
            let others = ask.fields.with("id", nil).query
            if others.isEmpty { return try await EventPage.page(id, ask, settings) }
        }
        let listing = try await Self.listing(ask)
        let table = Table.html(
            caption: "Events, the newest first",
            [
                .init("id", number: true), .init("what"), .init("market"), .init("interval", minor: true),
                .init("state"),
                .init("created"), .init("published"), .init("attempts", number: true, minor: true),
                .init("trace id", minor: true),
            ], listing.rows.map(row), empty: empty(listing))
        let acts: HTML = HTML.when(
            !ask.fields.kept(Set(Filters.outbox)).fields.isEmpty,
            "\(ActingPages.link(.replay, ask, "Replay these…")) \(ActingPages.link(.supersede, ask, "Supersede the pending of these…"))"
        )
        let body: HTML = """
            \(form(ask.fields))<p class="row">\(acts)</p>\(Page.live("events", table))\(Table.foot("/events", ask.fields, listing))
            """
        return Page(
            place: .events, title: "Events", body: body, isLive: ask.fields["before"] == nil,
            command: Command.line("relay audit", ask.fields))
    }

    private static func empty(_ listing: Listing) -> HTML {
        listing.next == nil
            ? "No row of the outbox is like that." : "Nothing was found so far. The search goes on with the next page."
    }

    static func form(_ fields: FormFields, states: [String] = Filters.states) -> HTML {
        """
        <form class="search" role="search">\(Filters.field("id", fields, size: 9))\(Filters.field("symbol", fields, size: 11, hint: "BTC/USDT"))\
        \(Filters.field("market", fields, size: 6))\(Filters.choice("kind", Filters.kinds, fields))\
        \(HTML.when(states.count > 1, Filters.choice("state", states, fields)))\
        \(Filters.field("trace", fields, size: 12, label: "trace id"))\(Filters.field("since", fields, size: 10, hint: "2h"))\
        \(Filters.field("until", fields, size: 10))<button>Find</button></form>
        """
    }

    static func row(_ row: [ListingValue]) -> [HTML] {
        [
            "<a href=\"/events/\(row[0].shown)\">\(row[0].shown)</a>", HTML(row[1].shown),
            "<a href=\"/markets/\(row[2].shown)\">\(row[4] == .null ? "market \(row[2].shown)" : row[4].shown)</a>",
            Moment.html(row[5], .minutes), State.html(row[7].shown), Moment.html(row[9], .milliseconds),
            Moment.html(row[10], .milliseconds),
            HTML(row[8].shown), "<span class=\"mono\">\(SafeText.oneLine(row[12].shown, limit: 40))</span>",
        ]
    }
}
