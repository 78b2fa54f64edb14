import CoreMetrics
import Testing

@testable import ProgramRuntime

@Suite struct OpenMetricsTests {
    private let registry = PrometheusRegistry([
        MetricDescription("stored_total", .counter, "Rows \"stored\"."),
        MetricDescription("delivery_seconds", .histogram, "Time.", buckets: [0.1, 1]),
    ])

    private var lines: [String] {
        registry.text(as: .openMetrics).split(separator: "\n").map(String.init).filter { !$0.contains("process_") }
    }

    @Test func countersAreNamedWithoutTotalAndTheEndIsMarked() {
        Counter(label: "stored_total", factory: registry).increment(by: 3)
        #expect(lines == [#"# HELP stored Rows \"stored\"."#, "# TYPE stored counter", "stored_total 3", "# EOF"])
    }

    @Test func aBucketNamesTheLastSampledEventInIt() throws {
        let timer = registry.makeTimer(label: "delivery_seconds", dimensions: [])
        let histogram = try #require(timer as? PrometheusHistogram)
        let trace = try #require(Self.sampled("00-0af7651916cd43dd8448eb211c80319c-00067aa0ba902b7f-01"))
        histogram.record(0.25, of: trace, at: 1_700_000_000.5)
        histogram.record(0.5, of: nil, at: 1_700_000_001)
        let ids = #"trace_id="0af7651916cd43dd8448eb211c80319c",span_id="00067aa0ba902b7f""#
        let exemplar = " # {\(ids)} 0.25 1700000000.5"
        #expect(
            lines.filter { $0.hasPrefix("delivery") } == [
                #"delivery_seconds_bucket{le="0.1"} 0"#, #"delivery_seconds_bucket{le="1.0"} 2"# + exemplar,
                #"delivery_seconds_bucket{le="+Inf"} 2"#, "delivery_seconds_sum 0.75", "delivery_seconds_count 2",
            ])
        #expect(!registry.text().contains("trace_id"))
    }

    @Test(arguments: [
        "", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
    ])
    func whatIsNotSampledHasNoTrace(header: String) { #expect(Self.sampled(header) == nil) }

    @Test(arguments: [
        ("", false), ("*/*", false), ("text/plain", false), ("application/openmetrics-text", true),
        ("application/openmetrics-text;version=0.0.1, application/openmetrics-text;q=0.75,text/plain;q=0.5", true),
        ("Application/OpenMetrics-Text; Version=\"1.0.0\"; q=0.4, text/plain; q=0.5", false),
        ("application/openmetrics-text;version=0.0.1", false), ("application/openmetrics-text;q=0", false),
        ("application/openmetrics-text;q=nonsense, text/plain", false),
    ])
    func isSpokenToWhomeverAsks(accept: String, isOpenMetrics: Bool) {
        #expect((MetricsFormat(accept: accept) == .openMetrics) == isOpenMetrics)
    }

    @Test func gaugesAreAskedTogether() {
        let readiness = Readiness()
        readiness.declare(.postgres, .outputQueue)
        readiness.set(.postgres, .ready)
        registry.addGauges("ready", label: "condition") { readiness.gauges }
        #expect(lines.contains(#"ready{condition="postgres"} 1"#))
        #expect(lines.contains(#"ready{condition="output queue"} 0"#))
    }

    private static func sampled(_ header: String) -> SampledTrace? {
        SampledTrace(traceparent: Array(header.utf8).span)
    }
}
