import HTTPTypes
import Outbox
import ProgramRuntime

/// The pages of an act: what it is about, what would be done, and what came of it.
enum ActingPages {
    /// A link to an act on what a list shows; nothing for those who may not act.
    static func link(_ kind: ActKind, _ ask: Ask, _ text: HTML, fields: FormFields? = nil) -> HTML {
        guard ask.viewer.mayAct else { return .none }
        let kept = (fields ?? ask.fields).with("before", nil).with("after", nil).with("act", kind.rawValue)
        return "<a class=\"button\" href=\"/acts/new\(kept.query)\">\(text)</a>"
    }

    /// The hidden field by which a form is known to be one of this session's.
    static func token(_ viewer: Viewer) -> HTML {
        "<input type=\"hidden\" name=\"token\" value=\"\(viewer.forgeryToken ?? "")\">"
    }

    // MARK: step one

    static func new(_ ask: Ask) throws -> Page {
        guard ask.viewer.mayAct else { throw PageError(status: .forbidden, sentence: "Sign in to act.") }
        guard let kind = ask.fields["act"].flatMap(ActKind.init) else {
            let links = ActKind.allCases.map { kind in
                "<li><a href=\"/acts/new?act=\(kind.rawValue)\">\(kind.title)</a><br><span class=\"note\">\(kind.sentence)</span></li>"
                    as HTML
            }
            return Page(place: .acts, title: "New act", body: "<ul class=\"life\">\(links)</ul>", isLive: false)
        }
        let rate: HTML = HTML.when(
            kind == .replay,
            Filters.field("rate", ask.fields.filled("rate", "500"), size: 6, label: "messages a second"))
        let body: HTML = """
            <div class="card"><p>\(kind.sentence)</p><form method="post" action="/acts/plan" class="row">\(token(ask.viewer))\
            <input type="hidden" name="act" value="\(kind.rawValue)">\(selection(kind, ask.fields))\(rate)<button class="do">Count</button></form>
            <p class="note">Nothing is done yet: the next page shows how many \(kind.unit) these are, and the first of them.</p></div>
            """
        return Page(
            place: .acts, title: kind.title, body: body, isLive: false, command: Command.line(kind.command, ask.fields))
    }

    private static func selection(_ kind: ActKind, _ fields: FormFields) -> HTML {
        if kind.isOfQuarantine {
            let isAll: HTML = fields["all"] == nil ? .none : " checked"
            return """
                \(Filters.field("id", fields.joined("id"), size: 14))\(Filters.choice("refused", Filters.reasons, fields))\
                \(Filters.field("queue", fields, size: 24))\(Filters.field("market", fields, size: 6))\(Filters.field("since", fields, size: 10, hint: "2h"))\
                \(Filters.field("until", fields, size: 10))<label class="check"><input type="checkbox" name="all" value="yes"\(isAll)> all open</label>
                """
        }
        return """
            \(Filters.field("id", fields.joined("id"), size: 14))\(Filters.field("symbol", fields, size: 11, hint: "BTC/USDT"))\
            \(Filters.field("exchange", fields, size: 10))\(Filters.field("market", fields, size: 6))\(Filters.choice("kind", Filters.kinds, fields))\
            \(Filters.field("trace", fields, size: 12, label: "trace id"))\(Filters.field("since", fields, size: 10, hint: "2h"))\
            \(Filters.field("until", fields, size: 10))
            """
    }

    // MARK: step two

    static func plan(_ plan: ActPlan, _ ask: Ask, problem: String? = nil) -> Page {
        let count = Figures.grouped(plan.count)
        let fault: HTML = problem.map { "<p class=\"banner bad\" role=\"alert\">\($0)</p>" } ?? .none
        let typed: HTML = HTML.when(
            plan.count >= ActPlan.many,
            """
            <label class="block" for="number">These are many. Type their number, \(count), to go on</label>\
            <input id="number" name="number" inputmode="numeric" autocomplete="off" required>
            """)
        let form: HTML = """
            <form method="post" action="/acts/plan/\(plan.id)">\(token(ask.viewer))<label class="block" for="why">Why? It is kept with your name</label>\
            <input id="why" name="why" required maxlength="2000" size="60" value="\(ask.fields["why"] ?? "")">\(typed)
            <p class="row"><button class="\(plan.kind.isFinal ? "danger" : "do")">\(plan.kind.title): \(count)</button><a href="\(plan.kind.place.path)">Leave it</a></p></form>
            """
        let nothing: HTML =
            "<p>There are none, so there is nothing to do.</p><p><a class=\"button\" href=\"\(plan.kind.place.path)\">Back</a></p>"
        let body: HTML = """
            <div class="card">\(fault)<p><strong>\(count) \(plan.kind.unit).</strong> \(plan.kind.sentence)</p>\(plan.count == 0 ? nothing : form)</div>
            \(HTML.when(plan.count > 0, "<h2>The first of them</h2>\(sample(plan))"))
            """
        return Page(place: .acts, title: plan.kind.title, body: body, isLive: false, command: plan.command)
    }

    private static func sample(_ plan: ActPlan) -> HTML {
        if plan.kind.isOfQuarantine {
            return Table.html(
                caption: "The first messages",
                [
                    .init("id", number: true), .init("queue", minor: true), .init("reason"), .init("detail"),
                    .init("received", minor: true),
                ],
                plan.sample.map { row in
                    ["<a href=\"/quarantine/\(row[0].shown)\">\(row[0].shown)</a>"]
                        + row.dropFirst().map {
                            "<span class=\"wide\">\(SafeText.oneLine($0.shown, limit: 160))</span>"
                        }
                }, empty: "None.")
        }
        return Table.html(
            caption: "The first rows",
            [
                .init("id", number: true), .init("what"), .init("market"), .init("interval", minor: true),
                .init("state"),
                .init("created"), .init("published"), .init("attempts", number: true, minor: true),
                .init("trace id", minor: true),
            ], plan.sample.map(EventsPage.row), empty: "None.")
    }

    // MARK: what came of it

    static func work(_ work: Acting.Work, _ ask: Ask) -> Page {
        let state: HTML =
            work.ending == nil
            ? "<span class=\"state note\">at work</span>"
            : work.hasFailed ? "<span class=\"state bad\">failed</span>" : "<span class=\"state good\">ended</span>"
        let elapsed = (ContinuousClock.now - work.start) / .seconds(1)
        let stop: HTML = HTML.when(
            work.ending == nil && ask.viewer.mayAct,
            "<form method=\"post\" action=\"/works/\(work.id)/stop\">\(token(ask.viewer))<button>Stop</button></form>")
        let record: HTML = work.act.map { "<p><a href=\"/acts/\($0)\">Act \($0) in the record</a></p>" } ?? .none
        let body: HTML = """
            <p>\(state) \(work.ending ?? "for \(Figures.age(elapsed)), by \(work.name)")</p>\(work.remark.map { "<p class=\"note\">\($0)</p>" as HTML } ?? .none)\
            \(HTML.when(work.ending == nil, "<progress max=\"\(max(1, work.count))\" value=\"\(min(work.done, work.count))\" aria-label=\"How far it is\"></progress>"))\
            \(record)\(stop)
            """
        return Page(
            place: .acts, title: "\(work.kind.title): \(Figures.grouped(work.count))",
            body: Page.live("work", "<div class=\"card\">\(body)</div>"))
    }

    /// Works of this console, for the page of acts.
    static func works(_ works: [Acting.Work]) -> HTML {
        guard !works.isEmpty else { return .none }
        return "<h2>Begun here</h2>"
            + Table.html(
                caption: "Acts begun by this console",
                [.init("what"), .init("rows", number: true), .init("by"), .init("what came of it")],
                works.prefix(10).map { work in
                    [
                        "<a href=\"/works/\(work.id)\">\(work.kind.title)</a>", HTML(Figures.grouped(work.count)),
                        HTML(work.name), "<span class=\"wide\">\(work.ending ?? "at work")</span>",
                    ]
                }, empty: "")
    }
}
