import Outbox
import ProgramRuntime

/// What flows, what is wrong, and what to do about it.
enum OverviewPage {
    static func page(_ ask: Ask) -> Page {
        guard let overview = ask.seen.overview else {
            return Page(
                place: .overview, title: "Overview",
                body: Page.live("overview", "<p class=\"empty\">The database has not answered yet.</p>"),
                command: "relay status")
        }
        let body: HTML = """
            \(Page.live("findings", findings(Finding.all(overview))))
            \(Page.live("tiles", tiles(overview)))
            \(Page.live("flow", FlowChart(flow: overview.flow).html))
            """
        return Page(place: .overview, title: "Overview", body: body, command: "relay status")
    }

    private static func findings(_ findings: [Finding]) -> HTML {
        guard !findings.isEmpty else {
            return "<p class=\"well\"><span class=\"state good\">all is well</span> Nothing waits for you.</p>"
        }
        return "<ul class=\"findings\">\(findings.map(\.html))</ul>"
    }

    private static func tiles(_ overview: Overview) -> HTML {
        let flow = overview.flow
        return """
            <dl class="tiles">\(tile("received", Figures.rough(flow.rate(\.received)), "a second, over the last minute"))\
            \(tile("stored", Figures.rough(flow.rate(\.stored)), "a second"))\
            \(tile("announced", Figures.rough(flow.rate(\.announced)), "a second"))\
            \(tile("pending", "\(Figures.grouped(overview.pending))\(overview.isExact ? "" : "+")", overview.pending == 0 ? "nothing waits" : "the oldest for \(Figures.age(Double(overview.oldest)))"))\
            \(tile("parked", Figures.grouped(overview.parked), "rows that cannot be published", "/parked"))\
            \(tile("in quarantine", Figures.grouped(overview.inQuarantine), "messages that wait for a decision", "/quarantine"))</dl>
            """
    }

    private static func tile(_ name: String, _ value: String, _ note: String, _ path: String? = nil) -> HTML {
        let figure: HTML = path.map { "<a href=\"\($0)\">\(value)</a>" } ?? HTML(value)
        return "<div><dt>\(name)</dt><dd><b>\(figure)</b><span>\(note)</span></dd></div>"
    }
}

extension Finding {
    var html: HTML {
        """
        <li class="finding \(weight.rawValue)"><span class="state \(weight.rawValue)">\(Self.word(weight))</span>\
        <div><p><strong>\(what)</strong></p><p>\(step) <a href="\(path)">Look</a></p></div></li>
        """
    }

    private static func word(_ weight: Weight) -> String {
        switch weight {
        case .bad: "act now"
        case .warn: "look into it"
        case .note: "when there is time"
        }
    }

    /// The page that shows more of it.
    private var path: String {
        switch about {
        case .intake: "/events"
        case .relays: "/lanes"
        case .parked: "/parked"
        case .quarantine: "/quarantine"
        case .partitions: "/system"
        case .conflicts: "/conflicts"
        case .proofs: "/verify"
        }
    }
}
