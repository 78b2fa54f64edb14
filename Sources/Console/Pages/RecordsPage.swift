import Postgres
import ProgramRuntime
import Records

/// The newest records of a market and a kind: a line for each field that is a number, and a table.
enum RecordsPage {
    /// So many lines are drawn at most.
    private static let mostCharts = 4
    /// So many cells a table has, about.
    private static let mostCells = 600

    static func listing(_ ask: Ask) async throws -> Listing {
        let (_, series) = try await read(ask)
        return Listing(
            columns: [ListingColumn("interval_start")] + series.kind.fields.map { ListingColumn($0.column) },
            rows: series.rows.map { row in
                [.text(row.interval)] + row.values.map { $0.map(ListingValue.text) ?? .null }
            })
    }

    static func page(_ ask: Ask) async throws -> Page {
        let (market, series) = try await read(ask)
        let files = Table.files("/markets/\(market)/records", "?kind=\(series.kind.name)")
        let table = Table.html(
            caption: "Records, the newest first",
            [.init("interval")]
                + series.kind.fields.map { .init($0.name, number: $0.type == .number || $0.type == .decimal) },
            series.rows.prefix(mostCells / (series.kind.fields.count + 1)).map { row in
                [Moment.html(row.interval)] + row.values.map { HTML($0 ?? "–") }
            },
            empty: "None is stored for this market.")
        let about = HTML.when(!series.kind.about.isEmpty, "<p class=\"note\">\(series.kind.about)</p>")
        let body: HTML = """
            \(about)\(Page.live("records", "\(series.drawn.prefix(mostCharts).map { chart($0, series) })\(table)"))
            <div class="foot"><a href="/markets/\(market)">The market</a>\(files)</div>
            """
        return Page(
            place: .markets, title: "\(series.kind.name) of market \(market)", body: body,
            command: "relay audit --market \(market) --kind \(series.kind.name)")
    }

    private static func chart(_ field: Int, _ series: RecordSeries) -> HTML {
        let values = series.numbers(field)
        let scale = Scale(values)
        let name = series.kind.fields[field].name
        let drawing: HTML = "<path class=\"line stored\" d=\"\(Chart.line(values, scale))\"/>"
        let ends = [series.rows.last?.interval, series.rows.first?.interval].compactMap(\.self)
        return """
            <figure><figcaption><h2>\(name)</h2></figcaption>
            \(Chart.html(label: "\(name) of the newest \(values.count) records", marks: scale.marks.map(scale.text), times: ends.map { Moment.html($0, .minutes) }, drawing: drawing))</figure>
            """
    }

    private static func read(_ ask: Ask) async throws -> (market: Int32, series: RecordSeries) {
        guard let market = Int32(exactly: try ask.number("id")), let name = ask.fields["kind"] else {
            throw PageError.notFound("There is no such page.")
        }
        let found = try await ask.readers.with { connection in
            let isKnown = try await connection.execute(
                "SELECT EXISTS (SELECT FROM markets WHERE id = $1)", [.int4(market)])[0].bool(0)
            return isKnown ? try await RecordSeries.read(market, name, connection) : nil
        }
        guard let found else { throw PageError.notFound("There is no such market, or no such kind.") }
        return (market, found)
    }
}
