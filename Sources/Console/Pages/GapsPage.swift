import Candlepost
import Postgres
import ProgramRuntime
import Records

/// The intervals that are missing between the records of each market, as `writer gaps` lists them.
enum GapsPage {
    /// The most gaps of a list: it has no pages, as the gaps are found anew each time.
    private static let most: Int64 = 5000
    private static let flags = ["kind", "since", "until", "market", "interval"]

    /// Of all markets an hour unless somebody asks for more, because each of their intervals is looked at; of one a day.
    private static func filled(_ fields: FormFields) -> FormFields {
        fields.filled("kind", RecordKind.candleStick.name).filled("since", fields["market"] == nil ? "1h" : "24h")
    }

    static func listing(_ ask: Ask) async throws -> Listing {
        let found = try await read(ask, most: most)
        return Listing(columns: MissingIntervals.columns, rows: found.rows)
    }

    static func page(_ ask: Ask) async throws -> Page {
        let fields = filled(ask.fields)
        let found = try await read(ask, most: Int64(Listing.pageSize))
        let listing = Listing(columns: MissingIntervals.columns, rows: found.rows)
        let table = Table.html(
            caption: "Gaps, by market",
            [
                .init("market"), .init("exchange", minor: true), .init("from"), .init("up to"),
                .init("interval", minor: true), .init("missing", number: true),
            ],
            found.rows.map { row in
                [
                    "<a href=\"/markets/\(row[0].shown)\">\(row[2].shown)</a>", HTML(row[1].shown),
                    Moment.html(row[3]), Moment.html(row[4]), HTML(row[5].shown),
                    HTML(Figures.grouped(Int64(row[6].shown) ?? 0)),
                ]
            }, empty: "<span class=\"state good\">none</span> No interval is missing in this span.")
        let kinds = Filters.kinds.map { kind in
            "<option\(HTML.when(fields["kind"] == kind, " selected"))>\(kind)</option>" as HTML
        }
        let body: HTML = """
            <form class="search" role="search"><label>kind <select name="kind">\(kinds)</select></label>\
            \(Filters.field("since", fields, size: 10, hint: "24h"))\(Filters.field("until", fields, size: 10, hint: "2m"))\
            \(Filters.field("market", fields, size: 6))\(Filters.field("interval", fields, size: 6, hint: "1m"))<button>Find</button></form>
            \(summary(found))\(table)\(Table.foot("/gaps", fields.kept(Set(flags)), listing))
            """
        return Page(
            place: .markets, title: "Gaps", body: body, isLive: false,
            command: Command.line("writer gaps", fields))
    }

    private static func read(_ ask: Ask, most: Int64) async throws -> MissingIntervals.Found {
        let fields = filled(ask.fields)
        guard let kind = fields["kind"], Filters.kinds.contains(kind) else {
            throw PageError.wrong("The kind may be: \(Filters.kinds.joined(separator: ", ")).")
        }
        let filter = try Filters.gaps(fields)
        return try await ask.readers.with { try await MissingIntervals.read(filter, limit: .int8(most), $0) }
    }

    private static func summary(_ found: MissingIntervals.Found) -> HTML {
        guard found.gaps > 0 else { return .none }
        let rest = found.gaps > Int64(found.rows.count) ? "; the first \(found.rows.count) are shown" : ""
        return """
            <p><span class="state warn">\(Figures.grouped(found.missing)) missing</span> \
            in \(Figures.grouped(found.gaps)) \(found.gaps == 1 ? "gap" : "gaps")\(rest).</p>
            """
    }
}
