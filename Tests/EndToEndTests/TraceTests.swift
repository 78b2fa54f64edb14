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
        let start, end: Int64
        let events, links: [String]
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
            let writer = try await world.writer()
            let relay = try await world.relay([
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(port)", "OTEL_SERVICE_NAME": "my-relay",
            ])
            world.gateway.start()
            try await publish(world, ["00", "01", "00"])
            try await eventually("the span is there") { collector.output.split(separator: "\n").count > 1 }
            #expect(await relay.metric("candlepost_spans_exported_total") == 1)
            _ = try await world.check([relay, writer]) { $0.minimum = 3 }
            let lines = collector.output.split(separator: "\n").dropFirst()
            #expect(lines.count == 1)
            let span = try JSONDecoder().decode(Span.self, from: Data(try #require(lines.first).utf8))
            #expect(span.resource["service.name"] == "my-relay")
            #expect((span.name, span.trace, span.parent) == ("outbox", Self.trace, "b7ad6b7169203331"))
            #expect(span.events == ["committed", "confirmed"])
            #expect(span.links == [])
            #expect(span.end >= span.start && span.end - span.start < 60_000_000_000)
            #expect(abs(Double(span.end) / 1e9 - Date().timeIntervalSince1970) < 60)
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
            #expect(relay.log.contains("spans cannot be exported"))
            _ = try await world.check([relay, writer]) { $0.minimum = 2 }
        }
    }
}
