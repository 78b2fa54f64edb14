import Outbox
import Postgres
import ProgramRuntime
import Records

/// The life of one event: what happened to it, when, and how long it waited between. Its body has a page of its own.
enum EventPage {
    private struct Sibling: Sendable {
        let id: Int64
        let isBefore: Bool
    }

    static func page(_ id: Int64, _ ask: Ask, _ settings: ConsoleSettings) async throws -> Page {
        let found = try await ask.readers.with { connection -> (EventLife, [Sibling]) in
            guard let life = try await EventLife.read(id, try Filters.outbox(FormFields()), connection) else {
                throw PageError.notFound(try await EventLife.whyMissing(id, connection))
            }
            return (life, try await Self.siblings(life.event, connection))
        }
        let (life, nearest) = (found.0, found.1)
        let event = life.event
        let body: HTML = """
            \(Page.live("life", "<p>\(State.html(life.state)) \(life.attempts) \(life.attempts == 1 ? "attempt" : "attempts")</p><dl class=\"facts-list\">\(facts(life, settings.traces))</dl><h2>What happened</h2><ol class=\"life\">\(steps(life.steps))</ol>"))
            <p class="row">\(HTML.when(life.state != "pending" && life.state != "parked", ActingPages.link(.replay, ask, "Replay it…", fields: FormFields().with("id", "\(id)"))))\
            \(HTML.when(life.state == "parked", ActingPages.link(.retry, ask, "Retry it…", fields: FormFields().with("id", "\(id)")))) \
            \(HTML.when(settings.showsBodies, "<a class=\"button\" href=\"/events/\(id)/body\">Show its body…</a>"))</p>
            <h2>In its market</h2><p class="row">\(links(nearest))\
            <a class="button" href="/events\(FormFields().with("market", "\(event.market)").with("kind", event.kind).query)">All of this market and kind</a></p>
            """
        return Page(place: .events, title: "Event \(event.id)", body: body, command: "relay audit --id \(event.id)")
    }

    private static func facts(_ life: EventLife, _ traces: TraceLink?) -> [HTML] {
        let event = life.event
        let market = [event.symbol, event.exchange.map { "on \($0)" }].compactMap(\.self).joined(separator: " ")
        var facts: [(HTML, HTML)] = [
            ("kind", HTML(event.kind)),
            ("market", "<a href=\"/markets/\(event.market)\">\(market.isEmpty ? "\(event.market)" : market)</a>"),
            ("interval", "\(Moment.html(event.intervalStart)) to \(Moment.html(event.intervalEnd))"),
            ("trace id", HTML(event.trace ?? "none")),
            ("lane", "\(event.lane)"), ("body", "\(Figures.grouped(event.bodyBytes)) bytes"),
        ]
        if let context = event.context {
            facts.append(
                ("traceparent", "<span class=\"mono\">\(context.traceID)</span>\(context.isSampled ? ", sampled" : "")")
            )
        }
        if let address = traces?.address(of: event) {
            facts.append(("trace", "<a href=\"\(address)\" rel=\"noreferrer noopener\">Follow its trace</a>"))
        }
        if let error = life.lastError { facts.append(("last error", HTML(error))) }
        return facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }
    }

    private static func steps(_ steps: [EventLife.Step]) -> [HTML] {
        var before: Double?
        let steps = inOrder(steps)
        return steps.indices.map { place in
            let step = steps[place]
            let now = step.time.flatMap(seconds)
            let waited = before.flatMap { before in now.map { $0 - before } }
            before = now ?? before
            let gap: HTML =
                waited.map { "<span class=\"between\">\(Figures.age(max(0, $0))) later</span>" } ?? .none
            return """
                <li\(HTML.when(step.time == nil, " class=\"not\""))><b>\(step.name)</b><span>\(step.time.map { Moment.html($0, .milliseconds) } ?? missing(step, before: steps[(place + 1)...]))</span>\
                <span>\(step.note) \(gap)</span></li>
                """
        }
    }

    /// What was parked first and confirmed later stands in that order; of the others, whose clocks may differ, the order is known.
    static func inOrder(_ steps: [EventLife.Step]) -> [EventLife.Step] {
        var ordered = steps
        guard let place = steps.firstIndex(where: { ["parked", "superseded"].contains($0.name) }) else { return steps }
        let exception = ordered.remove(at: place)
        let later = ordered[..<place].firstIndex { step in step.time ?? "" > exception.time ?? "" }
        ordered.insert(exception, at: later ?? place)
        return ordered
    }

    /// A row that is seen is committed, and what has gone on since has passed this, too: the time was not kept, then.
    private static func missing(_ step: EventLife.Step, before later: ArraySlice<EventLife.Step>) -> HTML {
        step.name == "committed" || later.contains { $0.time != nil } ? "not recorded" : "not yet"
    }

    private static func seconds(_ time: String) -> Double? { ISOTime.milliseconds(time).map { Double($0) / 1000 } }

    private static func links(_ siblings: [Sibling]) -> [HTML] {
        siblings.map { sibling in
            "<a class=\"button\" href=\"/events/\(sibling.id)\">\(sibling.isBefore ? "← \(sibling.id), before it" : "\(sibling.id), after it →")</a>"
        }
    }

    /// The nearest rows of the same market and kind, no further than a few thousand ids.
    private static func siblings(
        _ event: EventLife.Event, _ connection: PostgresConnection
    ) async throws -> [Sibling] {
        let parameters: [Parameter] = [
            .int2(Int16(event.lane)), .int8(event.id), .int4(event.market), .text(event.kind),
        ]
        var siblings: [Sibling] = []
        for (isBefore, range, order) in [
            (true, "id < $2 AND id > $2 - 50000", "DESC"), (false, "id > $2 AND id < $2 + 50000", "ASC"),
        ] {
            let rows = try await connection.execute(
                """
                SELECT id FROM outbox WHERE lane = $1 AND \(range) AND market_id = $3 AND record_type = $4
                ORDER BY id \(order) LIMIT 1
                """, parameters)
            if rows.count == 1 { siblings.append(Sibling(id: try rows[0].int8(0), isBefore: isBefore)) }
        }
        return siblings
    }
}

/// Times as the server writes them: `2026-01-31T12:00:00.123Z`.
enum ISOTime {
    static func milliseconds(_ text: String) -> Int64? {
        let digits = text.utf8.filter { (0x30...0x39).contains($0) }.map { Int64($0 - 0x30) }
        guard digits.count == 17 || digits.count == 14 else { return nil }
        let number = { (range: Range<Int>) in digits[range].reduce(0) { $0 * 10 + $1 } }
        let (year, month, day) = (number(0..<4), number(4..<6), number(6..<8))
        // Days since 1970 by the civil calendar, with March as the first month.
        let (shifted, y) = ((month + 9) % 12, month <= 2 ? year - 1 : year)
        let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * shifted + 2) / 5 + day - 1 - 719_468
        let seconds = days * 86_400 + number(8..<10) * 3600 + number(10..<12) * 60 + number(12..<14)
        return seconds * 1000 + (digits.count == 17 ? number(14..<17) : 0)
    }
}
