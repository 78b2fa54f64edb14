import Outbox
import Postgres
import ProgramRuntime

/// All markets, each with its last record and what is missing lately.
enum MarketsPage {
    private static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("exchange"), ListingColumn("symbol"),
        ListingColumn("active"),
        ListingColumn("last_interval_end"), ListingColumn("last_close"), ListingColumn("stored", isNumber: true),
        ListingColumn("missing", isNumber: true), ListingColumn("closes"), ListingColumn("seconds_ago", isNumber: true),
    ]
    /// How many of a market's newest intervals are looked at.
    private static let looked = 60

    static func listing(_ ask: Ask) async throws -> Listing {
        let search = ask.fields["q"]
        let rows = try await ask.readers.with { connection in
            try await connection.execute(
                query,
                [
                    .int8(ask.fields.integer("after") ?? 0), .text(pattern(search)),
                    .int8(Int64(Listing.pageSize) + 1),
                ])
        }
        return try Listing(columns, rows, ask, goesOn: "after")
    }

    static func page(_ ask: Ask) async throws -> Page {
        let listing = try await Self.listing(ask)
        let headings: [Table.Heading] = [
            .init("id", number: true, minor: true), .init("symbol"), .init("exchange"),
            .init("last close", number: true),
            .init("last 60"), .init("last record"), .init("missing", number: true),
        ]
        let table = Table.html(
            caption: "Markets", headings, listing.rows.map(row),
            empty: ask.fields["q"] == nil
                ? "No market is known. Add some: <code>writer markets import FILE</code>"
                : "No market is like that.")
        let body: HTML = """
            <form class="search" role="search"><label for="q" class="hidden">Symbol or exchange</label>\
            <input id="q" name="q" type="search" value="\(ask.fields["q"] ?? "")" placeholder="Symbol or exchange, as in BTC" autocomplete="off">\
            <button>Find</button><a class="button" href="/gaps">What is missing…</a></form>
            \(Page.live("markets", table))\(Table.foot("/markets", ask.fields, listing))
            """
        return Page(place: .markets, title: "Markets", body: body, command: "writer markets list")
    }

    private static func row(_ row: [ListingValue]) -> [HTML] {
        let path = "/markets/\(row[0].shown)"
        let closes = row[8].shown.split(separator: ",").compactMap { Double($0) }
        let missing = Int64(row[7].shown) ?? 0
        let isActive = row[3].shown == "yes"
        return [
            HTML(row[0].shown),
            "<a href=\"\(path)\">\(row[2].shown)</a>\(HTML.when(!isActive, " <span class=\"state note\">inactive</span>"))",
            HTML(row[1].shown), HTML(Double(row[5].shown).map(Figures.price) ?? "–"),
            Chart.spark(closes, label: "closes of the last \(closes.count) candles"),
            row[4] == .null
                ? "<span class=\"faint\">none stored</span>"
                : Moment.html(row[4], .minutes),
            row[4] == .null ? "–" : "\(missing)",
        ]
    }

    /// For LIKE: what is looked for stands anywhere, and its own wildcards mean themselves.
    private static func pattern(_ search: String?) -> String {
        guard let search else { return "%" }
        let plain = search.replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing("_", with: "\\_")
        return "%\(plain)%"
    }

    private static let query = """
        SELECT m.id::bigint, e.external_exchange_id, m.symbol, CASE WHEN m.active THEN 'yes' ELSE 'no' END,
               \(utc("r.last_end")), r.last_close::text, r.stored, r.missing, r.closes,
               extract(epoch FROM now() - r.last_end)::bigint
        FROM markets m JOIN exchanges e ON e.id = m.exchange_id
        LEFT JOIN LATERAL (
            SELECT max(interval_end) AS last_end, count(*) AS stored,
                   (array_agg(close ORDER BY interval_start DESC) FILTER (WHERE close IS NOT NULL))[1] AS last_close,
                   greatest(0, round(extract(epoch FROM max(interval_end) - min(interval_start))
                       / nullif(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY interval_end - interval_start)), 0))
                       - count(*))::bigint AS missing,
                   string_agg(close::text, ',' ORDER BY interval_start) AS closes
            FROM (SELECT interval_start, interval_end, charts[array_upper(charts, 1)][5] AS close FROM candle_sticks
                  WHERE market_id = m.id ORDER BY interval_start DESC, interval_end DESC LIMIT \(looked)) newest) r ON true
        WHERE m.id > $1 AND (m.symbol ILIKE $2 OR e.name ILIKE $2 OR e.external_exchange_id ILIKE $2)
        ORDER BY m.id LIMIT $3
        """
}

/// A time as text in UTC, in SQL.
func utc(_ column: String, _ format: String = "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"") -> String {
    "to_char(\(column) AT TIME ZONE 'UTC', '\(format)')"
}
