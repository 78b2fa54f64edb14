import Foundation
import TestSupport
import Testing

/// Spans as a collector gets them: one that is made of OpenTelemetry's own definitions (scripts/lib/collector.py).
@Suite("Traces") struct TraceTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let python = root + "/.local/tools/bin/python"
    private static let isThere = FileManager.default.isExecutableFile(atPath: python)
    private static let trace = "0af7651916cd43dd8448eb211c80319c"

    /// A span as the collector prints it.
    private struct Span: Decodable {
        let resource: [String: String]
        let name, trace, parent: String
        let kind: Int
        let attributes: [String: Value]
        let start, end: Int64
        let events, links: [String]

        /// A text or a number, as text.
        struct Value: Decodable {
            let text: String

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                text = try (try? container.decode(String.self)) ?? "\(container.decode(Int64.self))"
            }
        }
    }

    private func spans(_ collector: Program) throws -> [Span] {
        try collector.output.split(separator: "\n").dropFirst().map {
            try JSONDecoder().decode(Span.self, from: Data($0.utf8))
        }
    }

    private func isRecent(_ span: Span) -> Bool {
        span.end >= span.start && span.end - span.start < 60_000_000_000
            && abs(Double(span.end) / 1e9 - Date().timeIntervalSince1970) < 60
    }

    private func publish(_ world: World, _ flags: [String]) async throws {
        var candles = Candles()
        for flag in flags {
            try await world.collector.publish(
                candles.next(1), headers: .traceparent("00-\(Self.trace)-b7ad6b7169203331-\(flag)"))
        }
    }

    @Test(.enabled(if: isThere)) func aSampledEventIsASpanFromItsTransactionToItsConfirm() async throws {
        let collector = try await Program(path: Self.python, [Self.root + "/scripts/lib/collector.py"])
        defer { collector.kill(9) }
        try await eventually("the collector listens") { collector.output.contains("\n") }
        let port = try #require(collector.output.split(separator: "\n").first)
        try await World.with { world in
            let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(port)"]
            let writer = try await world.writer(endpoint)
            let relay = try await world.relay(endpoint.merging(["OTEL_SERVICE_NAME": "my-relay"]) { $1 })
            world.gateway.start()
            try await publish(world, ["00", "01", "00"])
            try await eventually("the spans are there") { collector.output.split(separator: "\n").count > 2 }
            try await eventually("both are counted") {
                let relayed = await relay.metric("candlepost_spans_exported_total")
                return await writer.metric("candlepost_spans_exported_total") == 1 && relayed == 1
            }
            _ = try await world.check([relay, writer]) { $0.minimum = 3 }
            let spans = try spans(collector).sorted { $0.kind < $1.kind }
            try #require(spans.count == 2)
            let (outbox, processed) = (spans[0], spans[1])
            #expect(spans.map(\.name) == ["outbox", "process database-writer.candle-stick"])
            #expect(spans.map { $0.resource["service.name"] } == ["my-relay", "candlepost-writer"])
            #expect(spans.allSatisfy { ($0.trace, $0.parent) == (Self.trace, "b7ad6b7169203331") && $0.links == [] })
            #expect(processed.events == ["received", "committed"])
            #expect(processed.attributes["candlepost.outcome"]?.text == "stored")
            #expect(outbox.events == ["committed", "published", "confirmed"])
            #expect(outbox.attributes["candlepost.market"]?.text == processed.attributes["candlepost.market"]?.text)
            #expect(spans.allSatisfy(isRecent))
        }
    }

    /// What was announced in the last second is not lost when the programs stop.
    @Test(.enabled(if: isThere)) func theLastSpansAreSentAtTheEnd() async throws {
        let collector = try await Program(path: Self.python, [Self.root + "/scripts/lib/collector.py"])
        defer { collector.kill(9) }
        try await eventually("the collector listens") { collector.output.contains("\n") }
        let port = try #require(collector.output.split(separator: "\n").first)
        try await World.with { world in
            let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(port)"]
            let (writer, relay) = (try await world.writer(endpoint), try await world.relay(endpoint))
            world.gateway.start()
            try await publish(world, ["01", "01"])
            try await eventually("both are announced") {
                await relay.metric("candlepost_relay_rows_published_total") == 2
            }
            try await world.stop(writer)
            try await world.stop(relay)
            try await eventually("all four are there") { try spans(collector).count == 4 }
        }
    }

    /// A record that contradicts the one that is stored says which trace it is of, and not what is in it.
    @Test func aConflictIsLoggedWithItsTrace() async throws {
        try await World.with { world in
            let writer = try await world.writer()
            for (close, flags) in [(2, "00"), (3, "01"), (4, "01"), (2, "01")] {
                let start: Int64 = 1_702_305_540_000
                try await world.collector.publish(
                    [Message(market: 1, start: start, fields: "\"charts\":[[\(start),1,9,1,\(close),77]]", trace: "t")],
                    headers: .traceparent("00-\(Self.trace)-b7ad6b716920333\(close)-\(flags)"))
            }
            try await eventually("two are kept") {
                try await world.number("SELECT count(*) FROM conflicting_duplicates") == 2
            }
            try await world.stop(writer)
            let lines = writer.log.split(separator: "\n").filter { $0.contains("a record contradicts") }
            #expect(lines.count == 1)
            #expect(lines.first?.contains(#""trace_id":"\#(Self.trace)""#) == true, "\(lines)")
            #expect(lines.first?.contains(#""span_id":"b7ad6b7169203333""#) == true)
            #expect(lines.first?.contains(#""kind":"CandleStick""#) == true)
            #expect(lines.first?.contains(#""market":"1""#) == true)
            #expect(!writer.log.contains("charts") && !writer.log.contains("77]"))
        }
    }

    /// One message that is none says which trace it is of; the others of its reason are counted.
    @Test func aQuarantinedMessageIsLoggedWithItsTrace() async throws {
        try await World.with { world in
            let writer = try await world.writer()
            for flags in ["00", "01", "01"] {
                try await world.collector.publish(
                    [Message(market: 9999, start: 1_702_305_540_000, fields: "\"charts\":[]", trace: "t")],
                    headers: .traceparent("00-\(Self.trace)-b7ad6b7169203331-\(flags)"))
            }
            try await eventually("all are kept") { try await world.number("SELECT count(*) FROM quarantine") == 3 }
            try await world.stop(writer)
            let lines = writer.log.split(separator: "\n").filter { $0.contains("a message went into quarantine") }
            #expect(lines.count == 1)
            #expect(lines.first?.contains(#""trace_id":"\#(Self.trace)""#) == true, "\(lines)")
            #expect(lines.first?.contains(#""span_id":"b7ad6b7169203331""#) == true)
            #expect(lines.first?.contains(#""reason":"unknown_market""#) == true)
        }
    }

    @Test func aCollectorThatIsAwayHoldsNothingUp() async throws {
        try await World.with { world in
            let writer = try await world.writer()
            let relay = try await world.relay(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"])
            world.gateway.start()
            try await publish(world, ["01", "01"])
            try await eventually("both are dropped") { await relay.metric("candlepost_spans_dropped_total") == 2 }
            try await eventually("it is said") { relay.log.contains("spans cannot be exported") }
            _ = try await world.check([relay, writer]) { $0.minimum = 2 }
        }
    }
}
