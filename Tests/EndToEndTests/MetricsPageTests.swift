import Foundation
import TestSupport
import Testing

/// docs/metrics.md against what the programs say.
@Suite("The page of metrics") struct MetricsPageTests {
    /// A metric, its type and the names of its labels.
    private struct Entry: Hashable {
        let name: Substring
        let type: Substring
        let labels: Set<Substring>
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func listsExactlyWhatTheProgramsSay() async throws {
        let page = try String(contentsOf: Self.root.appending(path: "docs/metrics.md"), encoding: .utf8)
        try await World.with { world in
            let (writer, relay) = (try await world.writer(), try await world.relay())
            let console = try await world.console()
            try await eventually("both report what they count in the database") {
                let ahead = await writer.metric("candlepost_outbox_ids_ahead")
                let output = await relay.metric("candlepost_relay_output_ready")
                return ahead ?? 0 > 0 && output == 1
            }
            let written = try #require(await writer.get("/metrics")).body
            let relayed = try #require(await relay.get("/metrics")).body
            let looked = try #require(await console.get("/metrics")).body
            #expect(Self.said(written) == Self.listed(page, under: "All programs", "Writer"))
            #expect(Self.said(relayed) == Self.listed(page, under: "All programs", "Relay"))
            #expect(Self.said(looked) == Self.listed(page, under: "All programs", "Console"))
        }
    }

    @Test func aSampledEventIsNamedWhereItWasCounted() async throws {
        let trace = "0af7651916cd43dd8448eb211c80319c"
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            let (sampled, other) = ("00-\(trace)-b7ad6b7169203331-01", "00-\(trace)-b7ad6b7169203332-00")
            try await world.collector.publish(candles.next(1), headers: .traceparent(sampled))
            try await world.collector.publish(candles.next(20), headers: .traceparent(other))
            try await eventually("all are announced") {
                await relay.metric("candlepost_relay_rows_published_total") == 21
            }
            let url = "http://127.0.0.1:\(try #require(relay.port))/metrics"
            let scrape = try await Program(
                path: "/usr/bin/curl", ["-sS", "-H", "Accept: application/openmetrics-text; version=1.0.0", url])
            #expect(try await scrape.ended() == .status(0))
            let exemplars = scrape.output.split(separator: "\n").filter { $0.contains(" # {") }
            #expect(exemplars.count == 1)
            #expect(exemplars.first?.contains(#"# {trace_id="\#(trace)",span_id="b7ad6b7169203331"} "#) == true)
            #expect(scrape.output.hasSuffix("\n# EOF\n"))
            _ = try await world.check([relay, writer]) { $0.minimum = 21 }
        }
    }

    /// What a scrape says.
    private static func said(_ text: String) -> Set<Entry> {
        let lines = text.split(separator: "\n")
        return Set(
            lines.filter { $0.hasPrefix("# TYPE ") }.map { line in
                let words = line.split(separator: " ")
                let samples = lines.filter { $0.hasPrefix(words[2] + "{") || $0.hasPrefix(words[2] + "_bucket{") }
                return Entry(name: words[2], type: words[3], labels: Set(samples.flatMap(labels)).subtracting(["le"]))
            })
    }

    private static func labels(_ sample: Substring) -> [Substring] {
        guard let start = sample.firstIndex(of: "{"), let end = sample.lastIndex(of: "}") else { return [] }
        let pairs = sample[sample.index(after: start)..<end].split(separator: ",")
        return pairs.filter { $0.contains("=") }.map { $0.prefix { $0 != "=" } }
    }

    /// What the page lists.
    private static func listed(_ page: String, under headings: String...) -> Set<Entry> {
        var heading = ""
        var entries: Set<Entry> = []
        for line in page.split(separator: "\n") {
            if line.hasPrefix("## ") { heading = String(line.dropFirst(3)) }
            guard headings.contains(heading), line.hasPrefix("| `") else { continue }
            let cells = line.split(separator: "|").map { cell in cell.split(separator: " ") }
            let bare = { (word: Substring) in word.drop { $0 == "`" }.prefix { $0 != "`" } }
            entries.insert(Entry(name: bare(cells[0][0]), type: cells[1][0], labels: Set(cells[2].map(bare))))
        }
        return entries
    }
}
