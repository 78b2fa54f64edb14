import Candlepost
import Outbox
import Postgres
import ProgramRuntime
import Schema

/// What operators did to outbox rows: who, when, why, and what came of it.
enum ActsPage {
    static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("act"), ListingColumn("selection"),
        ListingColumn("rows", isNumber: true), ListingColumn("done", isNumber: true), ListingColumn("acted_by"),
        ListingColumn("why"), ListingColumn("began_at"), ListingColumn("ended_at"), ListingColumn("state"),
    ]

    static func listing(_ ask: Ask) async throws -> Listing {
        let before = ask.fields.integer("before") ?? .max
        let rows = try await ask.readers.with { connection in
            try await connection.execute(
                "SELECT \(sql) FROM outbox_acts a WHERE id < $1 ORDER BY id DESC LIMIT \(Listing.pageSize + 1)",
                [.int8(before)])
        }
        return try Listing(columns, rows, ask, goesOn: "before")
    }

    /// An act is at work while somebody holds its lock.
    static let sql = """
        a.id, a.act, a.selection, a.rows, a.done, a.acted_by, a.why, \(utc("a.began_at")), \(utc("a.ended_at")),
        CASE WHEN a.ended_at IS NOT NULL THEN 'done'
             WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                          AND classid::bigint = \(AdvisoryLock.classID(AdvisoryLock.act)) AND objid::bigint = a.id & 4294967295
                          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
             THEN 'at work' ELSE 'interrupted' END
        """

    static func page(_ ask: Ask, works: [Acting.Work]) async throws -> Page {
        let listing = try await Self.listing(ask)
        let table = Table.html(
            caption: "Acts, the newest first",
            [
                .init("id", number: true), .init("act"), .init("rows", number: true), .init("done", number: true),
                .init("state"), .init("by"), .init("why"), .init("began"), .init("selection", minor: true),
            ],
            listing.rows.map { row in
                [
                    "<a href=\"/acts/\(row[0].shown)\">\(row[0].shown)</a>", HTML(row[1].shown), HTML(row[3].shown),
                    HTML(row[4].shown), state(row[9].shown), HTML(row[5].shown),
                    "<span class=\"wide\">\(row[6].shown)</span>",
                    Moment.html(row[7]),
                    "<code>\(SafeText.oneLine(row[2].shown, limit: 120))</code>",
                ]
            }, empty: "Nobody has done anything to a row of the outbox yet.")
        let new: HTML = HTML.when(ask.viewer.mayAct, "<p><a class=\"button\" href=\"/acts/new\">New act</a></p>")
        let body: HTML =
            "\(new)\(Page.live("works", ActingPages.works(works)))\(Page.live("acts", table))\(Table.foot("/acts", ask.fields, listing))"
        return Page(place: .acts, title: "Acts", body: body)
    }

    static func state(_ state: String) -> HTML {
        switch state {
        case "done": "<span class=\"state good\">done</span>"
        case "at work": "<span class=\"state note\">at work</span>"
        default: "<span class=\"state warn\">interrupted</span>"
        }
    }
}

/// One act: what was meant, how far it is, what came of it.
enum ActPage {
    static func page(_ ask: Ask) async throws -> Page {
        let id = try ask.number("id")
        let rows = try await ask.readers.with { connection in
            try await connection.execute("SELECT \(ActsPage.sql) FROM outbox_acts a WHERE id = $1", [.int8(id)])
        }
        guard rows.count == 1 else { throw PageError.notFound("There is no act \(id).") }
        let row = try rows[0].cells(ActsPage.columns)
        let (act, selection, state) = (row[1].shown, row[2].shown, row[9].shown)
        let (count, done) = (try rows[0].int8(3), try rows[0].int8(4))
        let facts: [(String, String)] = [
            ("act", act), ("by", row[5].shown), ("why", row[6].shown), ("began", row[7].shown), ("ended", row[8].shown),
            ("selection", selection),
        ]
        let list = facts.filter { !$0.1.isEmpty }.map {
            "<div><dt>\($0.0)</dt><dd>\(Moment.ifTime($0.1))</dd></div>" as HTML
        }
        let progress: HTML = """
            <p>\(ActsPage.state(state)) <strong>\(Figures.grouped(done))</strong> of \(Figures.grouped(count)) rows \(act)</p>
            <progress max="\(max(1, count))" value="\(min(done, max(1, count)))" aria-label="How far it is"></progress>
            \(ending(act, state, count, done))
            """
        let body: HTML = """
            \(Page.live("progress", "<div class=\"card\">\(progress)\(goOn(ask, id, act, state))</div>"))<dl class="facts-list">\(list)</dl>
            """
        return Page(
            place: .acts, title: "Act \(id)", body: body,
            command: act == "replayed" && state == "interrupted" ? "relay replay --continue \(id) --yes" : nil)
    }

    private static func goOn(_ ask: Ask, _ id: Int64, _ act: String, _ state: String) -> HTML {
        HTML.when(
            ask.viewer.mayAct && act == "replayed" && state == "interrupted",
            "<form method=\"post\" action=\"/acts/\(id)/continue\">\(ActingPages.token(ask.viewer))<button class=\"do\">Go on</button></form>"
        )
    }

    private static func ending(_ act: String, _ state: String, _ count: Int64, _ done: Int64) -> HTML {
        switch state {
        case "done" where done < count:
            let rest = Figures.grouped(count - done)
            return act == "retried"
                ? "<p>\(rest) are <a href=\"/parked\">still parked</a>.</p>"
                : "<p>\(rest) had left this state, or were dropped, before it came to them.</p>"
        case "interrupted":
            return act == "replayed"
                ? "<p>It stopped before its end. What was done is recorded; the rest can be continued.</p>"
                : "<p>It stopped before its end. What was done is recorded; the rest is as it was.</p>"
        default: return .none
        }
    }
}
