import Outbox
import Service

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

/// Something that an operator should know, and the step that comes next.
struct Finding: Sendable, Equatable {
    enum Weight: String, Sendable { case bad, warn, note }

    let weight: Weight
    let what: String
    let step: String
    let path: String

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

    /// The findings of a look, the gravest first.
    static func all(_ overview: Overview) -> [Finding] {
        var all: [Finding] = []
        let report = overview.report
        let free = report.lanes.filter { !$0.isOwned }
        if report.relays.allSatisfy(\.isSilent) {
            all.append(
                Finding(
                    weight: .bad, what: "No relay is at work: nothing is announced.",
                    step: "Start one, and look at the log of the last: rows wait, and none is lost.", path: "/lanes"))
        } else if !free.isEmpty {
            all.append(
                Finding(
                    weight: .warn, what: "\(free.count) of \(report.lanes.count) lanes have no relay.",
                    step: "Relays take them within 30 seconds; if not, one hangs with their locks.", path: "/lanes"))
        }
        if overview.oldest > 30 {
            all.append(
                Finding(
                    weight: overview.oldest > 300 ? .bad : .warn,
                    what: "The oldest pending row waits for \(Figures.age(Double(overview.oldest))).",
                    step: "Ask the relay's /readyz: it names what it waits for. Is the output queue full?",
                    path: "/lanes"))
        }
        if let deaf = report.relays.first(where: { !$0.isSilent && $0.doorbellHeard == false }) {
            all.append(
                Finding(
                    weight: .note, what: "\(StatusReport.short(deaf.relay)) does not hear NOTIFY, and polls instead.",
                    step: "A pooler in between loses it: connect relays to PostgreSQL itself.", path: "/lanes"))
        }
        if overview.parked > 0 {
            all.append(
                Finding(
                    weight: .warn,
                    what: overview.parked == 1
                        ? "One row is parked: the broker rejected it for what is in it."
                        : "\(Figures.grouped(overview.parked)) rows are parked: the broker rejected them for what is in them.",
                    step: "See why, mend it, and retry them; or give them up.", path: "/parked"))
        }
        if let most = overview.quarantine.first {
            all.append(
                Finding(
                    weight: .warn,
                    what: overview.inQuarantine == 1
                        ? "One message is in quarantine: \(most.reason)."
                        : "\(Figures.grouped(overview.inQuarantine)) messages are in quarantine, most of them \(most.reason).",
                    step: "See what was refused and why, and decide.", path: "/quarantine"))
        }
        if report.partitions.idsAhead < 1_000_000 {
            all.append(
                Finding(
                    weight: .bad, what: "Only \(Figures.grouped(report.partitions.idsAhead)) ids have a partition.",
                    step: "Writers make partitions once a minute: see why none can.", path: "/system"))
        }
        if overview.conflicts > 0 {
            let count = overview.conflicts > 1000 ? "More than 1,000" : "\(overview.conflicts)"
            all.append(
                Finding(
                    weight: .note, what: "\(count) messages of the last day differ from the record that is stored.",
                    step: "Collectors disagree about these intervals; the first one stays.", path: "/conflicts"))
        }
        let order: [Weight] = [.bad, .warn, .note]
        return order.flatMap { weight in all.filter { $0.weight == weight } }
    }
}
