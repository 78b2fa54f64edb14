import Outbox
import Postgres
import ProgramRuntime
import Records
import Schema

/// One market: its candles as they are stored, and what was announced of it.
enum MarketPage {
    /// How many intervals back.
    private static let spans: [(slots: Int, name: String)] = [(60, "60"), (120, "120"), (240, "240"), (480, "480")]

    private struct Market: Sendable {
        let id: Int32
        let symbol: String
        let exchange: String
        let isActive: Bool
        let externalID: String
    }

    private struct Shown: Sendable {
        let market: Market
        let series: CandleSeries
        let tape: [Announcement]
        let others: HTML
    }

    private struct Announcement: Sendable {
        let id: Int64
        let kind: String
        /// Of its interval, in seconds since 1970.
        let start: Int64
        let state: String
        /// When it was published, or else stored, in seconds since 1970.
        let at: Int64
    }

    private static let columns = [
        ListingColumn("interval_start"), ListingColumn("open"), ListingColumn("high"), ListingColumn("low"),
        ListingColumn("close"), ListingColumn("volume"),
    ]

    static func listing(_ ask: Ask) async throws -> Listing {
        let slots = Self.slots(ask)
        let market = try Self.id(ask)
        let series = try await ask.readers.with { try await CandleSeries.read(market, slots: slots, $0) }
        return Listing(
            columns: columns,
            rows: series.candles.map { candle in
                [.text(iso(candle.start))]
                    + [candle.open, candle.high, candle.low, candle.close].map(ListingValue.double)
                    + [candle.volume.map(ListingValue.double) ?? .null]
            })
    }

    static func page(_ ask: Ask) async throws -> Page {
        let slots = Self.slots(ask)
        let id = try Self.id(ask)
        let shown: Shown = try await ask.readers.with { connection in
            Shown(
                market: try await Self.market(id, connection),
                series: try await CandleSeries.read(id, slots: slots, connection),
                tape: try await Self.tape(id, connection),
                others: try await others(id, connection))
        }
        let (market, series) = (shown.market, shown.series)
        let name = "\(market.symbol) on \(market.exchange)"
        let chart: HTML = """
            <div class="chart-head"><p class="legend" id="reading" aria-live="off">\(reading(series))</p>\(spanLinks(id, slots))</div>
            \(CandleChart(series: series, name: name).html)\(gapNote(series, id))
            <details class="data"><summary>The candles in numbers</summary>\(table(series))
            <div class="foot">\(Table.files("/markets/\(id)/candles", "?last=\(slots)"))</div></details>
            """
        let body: HTML = """
            <div class="split"><div>\(Page.live("candles", chart))</div>
            <div>\(Page.live("tape", "<h2>Announced</h2>\(tapeTable(shown.tape))<h2>Other records</h2>\(shown.others)"))</div></div>
            """
        return Page(
            place: .markets, title: name, body: body, command: "relay audit --market \(id) --limit 20")
    }

    private static func slots(_ ask: Ask) -> Int {
        let asked = ask.fields.integer("last")
        return spans.first { Int64($0.slots) == asked }?.slots ?? 120
    }

    private static func id(_ ask: Ask) throws(PageError) -> Int32 {
        guard let id = Int32(exactly: try ask.number("id")) else { throw .notFound("There is no such market.") }
        return id
    }

    private static func market(_ id: Int32, _ connection: PostgresConnection) async throws -> Market {
        let rows = try await connection.execute(
            """
            SELECT m.symbol, e.name, m.active, m.external_market_id
            FROM markets m JOIN exchanges e ON e.id = m.exchange_id WHERE m.id = $1
            """, [.int4(id)])
        guard rows.count == 1 else { throw PageError.notFound("There is no market \(id).") }
        return Market(
            id: id, symbol: try rows[0].text(0), exchange: try rows[0].text(1), isActive: try rows[0].bool(2),
            externalID: try rows[0].text(3))
    }

    // MARK: the chart

    private static func spanLinks(_ id: Int32, _ slots: Int) -> HTML {
        let links = spans.map { span in
            let isHere: HTML = span.slots == slots ? " aria-current=\"true\"" : .none
            return "<a href=\"/markets/\(id)?last=\(span.slots)\"\(isHere)>\(span.name)</a>" as HTML
        }
        return "<p class=\"spans\"><span>last</span>\(links)</p>"
    }

    /// The newest candle in words; the script shows the one under the pointer instead.
    private static func reading(_ series: CandleSeries) -> HTML {
        guard let last = series.candles.last else { return "no candles" }
        let change = last.open == 0 ? 0 : (last.close - last.open) / last.open * 100
        return """
            <b class="\(last.isRising ? "rising" : "falling")">\(Figures.price(last.close))</b> \
            <span>\(last.isRising ? "▲" : "▼") \(Figures.fixed(change, 2)) %</span> <span>\(series.html(last.start / 1000))</span> \
            <span>O \(Figures.price(last.open))</span> <span>H \(Figures.price(last.high))</span> <span>L \(Figures.price(last.low))</span> \
            <span>V \(last.volume.map(Figures.price) ?? "–")</span>
            """
    }

    private static func gapNote(_ series: CandleSeries, _ id: Int32) -> HTML {
        guard series.slots > 0 else { return .none }
        let all: HTML = " <a href=\"/gaps?market=\(id)&amp;since=7d\">Gaps of a week</a>"
        let quiet = series.quiet > 0 ? " In \(series.quiet) intervals nothing traded." : ""
        guard series.missing > 0 else { return "<p class=\"note\">No interval is missing.\(quiet)\(all)</p>" }
        let gaps = series.gaps.prefix(6).map { gap in
            let from = (series.first + Int64(gap.lowerBound) * series.width) / 1000
            let last = from + Int64(gap.count - 1) * series.width / 1000
            return gap.count == 1 ? series.html(from) : "\(series.html(from)) to \(series.html(last))" as HTML
        }
        let more = series.gaps.count > 6 ? ", and \(series.gaps.count - 6) more" : ""
        return """
            <p class="note"><span class="state warn">\(series.missing) missing</span> No record is stored for \
            \(gaps.joined(by: ", "))\(more).\(quiet)\(all)</p>
            """
    }

    private static func table(_ series: CandleSeries) -> HTML {
        Table.html(
            caption: "Candles, the newest first",
            [
                .init("interval"), .init("open", number: true), .init("high", number: true), .init("low", number: true),
                .init("close", number: true), .init("volume", number: true),
            ],
            series.candles.suffix(120).reversed().map { candle in
                [series.html(candle.start / 1000)]
                    + [candle.open, candle.high, candle.low, candle.close].map { HTML(Figures.price($0)) }
                    + [HTML(candle.volume.map(Figures.price) ?? "–")]
            }, empty: "No candles.")
    }

    private static func iso(_ milliseconds: Int64) -> String {
        Figures.iso(milliseconds / 1000)
    }

    // MARK: what was announced

    /// The market's newest rows of the log: of its lane, no further back than a few steps.
    private static func tape(_ id: Int32, _ connection: PostgresConnection) async throws -> [Announcement] {
        let rows = try await connection.execute(
            """
            SELECT a.id, a.record_type, extract(epoch FROM a.interval_start)::bigint, a.state,
                   extract(epoch FROM coalesce(a.published_at, a.created_at))::bigint
            FROM (SELECT lane, id FROM outbox WHERE lane = $1 AND market_id = $2
                  AND id > (SELECT coalesce(max(id), 0) - 50000 FROM (
                      SELECT id FROM outbox WHERE lane = $1 ORDER BY id DESC LIMIT 1) newest)
                  ORDER BY id DESC LIMIT 16) o
            CROSS JOIN LATERAL (SELECT * FROM outbox_audit v WHERE v.lane = o.lane AND v.id = o.id OFFSET 0) a
            ORDER BY a.id DESC
            """, [.int2(Int16(Lane.of(market: id))), .int4(id)])
        return try rows.map { row throws(PostgresError) in
            Announcement(
                id: try row.int8(0), kind: try row.text(1), start: try row.int8(2), state: try row.text(3),
                at: try row.int8(4))
        }
    }

    private static func tapeTable(_ tape: [Announcement]) -> HTML {
        Table.html(
            caption: "Newest announcements of this market",
            [.init("id", number: true), .init("interval"), .init("state"), .init("at")],
            tape.map { event in
                let interval = Moment.html(Figures.clock(event.start, withDay: true), of: event.start)
                return [
                    "<a href=\"/events/\(event.id)\">\(event.id)</a>",
                    // Most are candles: the word would leave no room for the time.
                    event.kind == RecordKind.candleStick.name ? interval : "\(event.kind) \(interval)",
                    State.html(event.state),
                    Moment.html(Figures.clock(event.at, withSeconds: true), of: event.at),
                ]
            }, empty: "Nothing of this market among the newest rows.")
    }

    /// The newest record of each other kind.
    private static func others(_ id: Int32, _ connection: PostgresConnection) async throws -> HTML {
        var items: [HTML] = []
        for kind in try await AppliedKinds.read(connection) where kind.table != "candle_sticks" {
            let rows = try await connection.execute(
                """
                SELECT \(utc("interval_start")) FROM \(kind.table) WHERE market_id = $1
                ORDER BY interval_start DESC, interval_end DESC LIMIT 1
                """, [.int4(id)])
            let newest: HTML =
                rows.count == 0 ? "<span class=\"faint\">none stored</span>" : Moment.html(try rows[0].text(0))
            items.append(
                "<div><dt><a href=\"/markets/\(id)/records?kind=\(kind.name)\">\(kind.name)</a></dt><dd>\(newest)</dd></div>"
            )
        }
        return "<dl class=\"facts-list\">\(items)</dl>"
    }
}

/// The state of a row as a word with a shape.
enum State {
    static func html(_ state: String) -> HTML {
        let weight =
            switch state {
            case "published": "good"
            case "parked": "bad"
            case "superseded": "warn"
            default: "note"
            }
        return "<span class=\"state \(weight)\">\(state)</span>"
    }
}
