import Outbox
import ProgramRuntime

/// Who relays what, how far, how fast.
enum LanesPage {
    static func listing(_ ask: Ask) -> Listing {
        Listing(columns: LaneStatus.columns, rows: ask.seen.overview?.report.lanes.map(\.row) ?? [])
    }

    static func page(_ ask: Ask) -> Page {
        let overview = ask.seen.overview ?? Overview()
        let body: HTML = """
            \(Page.live("relays", "<h2>Relays</h2>\(relays(overview.report.relays))"))
            \(Page.live("lanes", "<h2>Lanes</h2>\(lanes(overview))<div class=\"foot\">\(Table.files("/lanes"))</div>"))
            """
        return Page(place: .lanes, title: "Lanes and relays", body: body, command: "relay status")
    }

    private static func relays(_ relays: [RelayStatus]) -> HTML {
        let silent = relays.filter(\.isSilent)
        let shown = relays.filter { !$0.isSilent } + silent.prefix(RelayStatus.mostSilent)
        return Table.html(
            caption: "Relays",
            [
                .init("relay"), .init("state"), .init("heard", number: true), .init("up", number: true),
                .init("published", number: true), .init("by bell", number: true, minor: true),
                .init("by poll", number: true, minor: true), .init("NOTIFY", minor: true), .init("last error"),
            ],
            shown.map { relay in
                [
                    HTML(relay.relay),
                    relay.isSilent
                        ? "<span class=\"state bad\">silent</span>" : "<span class=\"state good\">alive</span>",
                    "\(Figures.age(relay.seenAgo)) ago", HTML(Figures.age(relay.startedAgo)),
                    HTML(Figures.grouped(relay.published)), HTML(Figures.grouped(relay.byDoorbell)),
                    HTML(Figures.grouped(relay.byPoll)),
                    relay.doorbellHeard.map { $0 ? "heard" : "<span class=\"state warn\">lost</span>" }
                        ?? "not tried yet",
                    relay.lastError.map { "\($0), \(Figures.age(relay.lastErrorAgo)) ago" } ?? "none",
                ]
            }, empty: "No relay has reported in the last 24 hours.")
    }

    private static func lanes(_ overview: Overview) -> HTML {
        Table.html(
            caption: "Lanes",
            [
                .init("lane", number: true), .init("relay"), .init("last half hour"), .init("pending", number: true),
                .init("oldest", number: true), .init("last minute", number: true),
                .init("15 minutes", number: true, minor: true), .init("parked", number: true),
                .init("superseded", number: true, minor: true),
            ],
            overview.report.lanes.map { lane in
                [
                    "\(lane.lane)",
                    lane.isOwned ? HTML(lane.relay ?? "somebody") : "<span class=\"state warn\">nobody</span>",
                    strip(overview.flow, Int(lane.lane)), "\(Figures.grouped(lane.pending))\(lane.isExact ? "" : "+")",
                    lane.pending > 0 ? HTML(Figures.age(Double(lane.oldestSeconds))) : "–",
                    HTML(Figures.grouped(lane.lastMinute)), HTML(Figures.grouped(lane.lastQuarter)),
                    lane.parked > 0 ? "<a href=\"/parked\">\(Figures.grouped(lane.parked))</a>" : "0",
                    HTML(Figures.grouped(lane.superseded)),
                ]
            }, empty: "The database has not answered yet.")
    }

    /// What the lane announced in each minute of the last half hour, as heat.
    private static func strip(_ flow: Flow, _ lane: Int) -> HTML {
        guard flow.lanes.indices.contains(lane) else { return .none }
        let minutes = (0..<30).map { minute -> Int64 in
            let first = flow.now - Flow.count + 1 + Int64(minute) * 6
            return (first..<first + 6).reduce(0) { $0 + (flow.lanes[lane][$1] ?? 0) }
        }
        let busiest: Int64 = flow.lanes.map { $0.values.max() ?? 0 }.max() ?? 0
        let most = Double(max(1, busiest * 6))
        let cells = minutes.enumerated().compactMap { minute, rows -> HTML? in
            guard rows > 0 else { return nil }
            let heat = min(5, 1 + Int(Double(rows) / most * 5))
            return "<rect class=\"h\(heat)\" x=\"\(minute * 10)\" y=\"0\" width=\"9\" height=\"16\"/>"
        }
        let total = minutes.reduce(0, +)
        return """
            <svg class="strip" viewBox="0 0 300 16" preserveAspectRatio="none" role="img" \
            aria-label="\(Figures.grouped(total)) announced in the last half hour"><path class="base" d="M0 15.5H300"/>\(cells)</svg>
            """
    }
}
