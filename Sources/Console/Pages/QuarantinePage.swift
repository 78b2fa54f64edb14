import Candlepost
import Outbox
import Postgres
import ProgramRuntime
import Quarantine
import Records

/// Messages that could not be records: in groups, and one by one.
enum QuarantinePage {
    private static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("queue"), ListingColumn("reason"), ListingColumn("detail"),
        ListingColumn("market_id", isNumber: true), ListingColumn("body_bytes", isNumber: true),
        ListingColumn("received_at"), ListingColumn("attempts", isNumber: true), ListingColumn("resolved_at"),
        ListingColumn("resolution"),
    ]

    private struct Group: Sendable {
        let queue: String
        let reason: String
        let count: Int64
        let newest: String
    }

    static func listing(_ ask: Ask) async throws -> Listing {
        let isAll = ask.fields["all"] != nil
        var selection = try Filters.quarantine(ask.fields).selection(openOnly: !isAll)
        selection.add("id < ?", ask.fields.integer("before").map(Parameter.int8))
        let clause = selection.clause
        selection.add("?", .int8(Int64(Listing.pageSize) + 1))
        let rows = try await ask.readers.with { [selection] connection in
            try await connection.execute(
                """
                SELECT id, queue, reason, detail, market_id::bigint, length(body)::bigint,
                       \(utc("received_at", "YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"")), attempts::bigint,
                       \(utc("resolved_at", "YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"")), resolution
                FROM quarantine \(clause) ORDER BY id DESC LIMIT $\(selection.parameters.count)
                """, selection.parameters)
        }
        return try Listing(columns, rows, ask, goesOn: "before")
    }

    static func page(_ ask: Ask) async throws -> Page {
        let listing = try await Self.listing(ask)
        let groups = try await ask.readers.with { try await Self.groups($0) }
        let body: HTML = """
            \(Page.live("groups", "<h2>Open, by queue and reason</h2>\(groupTable(groups))"))
            \(form(ask.fields))<p class="row">\(ActingPages.link(.requeue, ask, "Requeue these…")) \(ActingPages.link(.giveUp, ask, "Discard these…"))</p>
            \(Page.live("messages", messageTable(listing)))\(Table.foot("/quarantine", ask.fields, listing))
            """
        return Page(
            place: .quarantine, title: "Quarantine", body: body,
            command: Command.line("writer quarantine list", ask.fields))
    }

    /// A hundred thousand are counted at most, for the page's sake.
    private static func groups(_ connection: PostgresConnection) async throws -> [Group] {
        let rows = try await connection.execute(
            """
            SELECT queue, reason, count(*), \(utc("max(received_at)", "YYYY-MM-DD HH24:MI:SS"))
            FROM (SELECT queue, reason, received_at FROM quarantine WHERE resolved_at IS NULL LIMIT 100000) open
            GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 50
            """)
        return try rows.map { row throws(PostgresError) in
            Group(
                queue: try row.text(0), reason: try row.text(1), count: try row.int8(2), newest: try row.text(3))
        }
    }

    private static func groupTable(_ groups: [Group]) -> HTML {
        Table.html(
            caption: "Open messages by queue and reason",
            [.init("reason"), .init("queue"), .init("messages", number: true), .init("newest", minor: true)],
            groups.map { group in
                let query = FormFields().with("refused", group.reason).with("queue", group.queue).query
                return [
                    "<a href=\"/quarantine\(query)\">\(group.reason)</a>", HTML(group.queue),
                    HTML(Figures.grouped(group.count)), Moment.html(group.newest),
                ]
            }, empty: "<span class=\"state good\">empty</span> No message waits for a decision.")
    }

    private static func form(_ fields: FormFields) -> HTML {
        let reasons = Refusal.Reason.allCases.map { reason in
            let isChosen: HTML = fields["refused"] == reason.rawValue ? " selected" : .none
            return "<option\(isChosen)>\(reason.rawValue)</option>" as HTML
        }
        let isAll: HTML = fields["all"] == nil ? .none : " checked"
        return """
            <form class="search" role="search"><label>reason <select name="refused"><option value="">any</option>\(reasons)</select></label>\
            <label>market <input name="market" inputmode="numeric" size="6" value="\(fields["market"] ?? "")"></label>\
            <label>since <input name="since" size="12" placeholder="2h" value="\(fields["since"] ?? "")"></label>\
            <label class="check"><input type="checkbox" name="all" value="yes"\(isAll)> also resolved</label><button>Find</button></form>
            """
    }

    private static func messageTable(_ listing: Listing) -> HTML {
        Table.html(
            caption: "Messages in quarantine, the newest first",
            [
                .init("id", number: true), .init("reason"), .init("detail"), .init("queue", minor: true),
                .init("market", number: true, minor: true), .init("bytes", number: true, minor: true),
                .init("received"),
                .init("state"),
            ],
            listing.rows.map { row in
                [
                    "<a href=\"/quarantine/\(row[0].shown)\">\(row[0].shown)</a>", HTML(row[2].shown),
                    "<span class=\"wide\">\(SafeText.oneLine(row[3].shown, limit: 160))</span>", HTML(row[1].shown),
                    HTML(row[4].shown), HTML(row[5].shown),
                    Moment.html(row[6]),
                    row[9] == .null
                        ? "<span class=\"state warn\">open</span>"
                        : "<span class=\"state good\">\(row[9].shown)</span>",
                ]
            }, empty: "No message is like that.")
    }
}

/// Command lines that do what a page does.
enum Command {
    /// The flags that forms and commands spell alike.
    private static let flags = [
        "id", "market", "symbol", "exchange", "kind", "state", "trace", "refused", "queue", "since", "until",
        "interval",
    ]

    static func line(_ command: String, _ fields: FormFields) -> String {
        var words = [command]
        for flag in flags {
            for value in fields.all(flag) { words += ["--\(flag)", FlagText.quoted(value)] }
        }
        if fields["all"] != nil { words.append("--all") }
        return words.joined(separator: " ")
    }
}
