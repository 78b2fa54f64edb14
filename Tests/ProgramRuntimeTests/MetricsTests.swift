import CoreMetrics
import Testing

@testable import ProgramRuntime

@Suite struct MetricsTests {
    private let registry = PrometheusRegistry([
        MetricDescription("stored_total", .counter, "Rows stored.\nOf \\ all kinds."),
        MetricDescription("commit_seconds", .histogram, "Time of a commit.", buckets: [0.1, 1]),
    ])

    /// The text without the metrics of the process.
    private var lines: [String] {
        registry.text().split(separator: "\n").map(String.init).filter { !$0.contains("process_") }
    }

    @Test func countersHaveHelpTypeAndLabels() {
        let candles = Counter(label: "stored_total", dimensions: [("kind", "CandleStick")], factory: registry)
        let odd = Counter(label: "stored_total", dimensions: [("kind", "a\"b\\c\nd"), ("a-b", "x")], factory: registry)
        candles.increment(by: 500)
        candles.increment(by: -3)
        odd.increment()
        #expect(
            lines == [
                #"# HELP stored_total Rows stored.\nOf \\ all kinds."#, "# TYPE stored_total counter",
                #"stored_total{a_b="x",kind="a\"b\\c\nd"} 1"#, #"stored_total{kind="CandleStick"} 500"#,
            ])
    }

    @Test func theSameLabelAndDimensionsAreOneSeries() {
        Counter(label: "stored_total", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment(by: 1)
        Counter(label: "stored_total", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment(by: 2)
        #expect(lines.last == #"stored_total{a="1",b="2"} 3"#)
    }

    @Test func timersAreHistogramsInSeconds() {
        let timer = Timer(label: "commit_seconds", factory: registry)
        for milliseconds in [50, 100, 101, 2000] { timer.recordMilliseconds(milliseconds) }
        #expect(
            lines == [
                "# HELP commit_seconds Time of a commit.", "# TYPE commit_seconds histogram",
                #"commit_seconds_bucket{le="0.1"} 2"#, #"commit_seconds_bucket{le="1"} 3"#,
                #"commit_seconds_bucket{le="+Inf"} 4"#, "commit_seconds_sum 2.251", "commit_seconds_count 4",
            ])
    }

    @Test func gaugesGoUpAndDown() {
        let meter = Meter(label: "in.flight", factory: registry)
        meter.set(5)
        meter.decrement(by: 1.5)
        Gauge(label: "size", factory: registry).record(7)
        #expect(lines == ["# TYPE in_flight gauge", "in_flight 3.5", "# TYPE size gauge", "size 7"])
    }

    @Test func callbacksAreAskedAtEachScrape() {
        let calls = Counter(label: "calls_total", factory: registry)
        registry.addGauge("lag_seconds", dimensions: [("kind", "x")]) {
            calls.increment()
            return .infinity
        }
        registry.addGauge("unknown") { nil }
        _ = registry.text()
        #expect(lines.contains(#"lag_seconds{kind="x"} +Inf"#))
        #expect(lines.contains("calls_total 2") || lines.contains("calls_total 3"))
        #expect(!lines.contains { $0.hasPrefix("unknown ") })
    }

    @Test func aDestroyedMetricIsGone() {
        let counter = Counter(label: "stored_total", factory: registry)
        counter.increment()
        counter.destroy()
        #expect(lines.isEmpty)
    }

    @Test func manyThreadsCountExactly() async {
        let counter = Counter(label: "stored_total", factory: registry)
        let timer = Timer(label: "commit_seconds", factory: registry)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.increment()
                        timer.recordNanoseconds(1)
                    }
                }
            }
        }
        #expect(lines.contains("stored_total 8000"))
        #expect(lines.contains("commit_seconds_count 8000"))
    }

    @Test func theProcessReportsItself() throws {
        func value(_ name: String) throws -> Double {
            let line = try #require(registry.text().split(separator: "\n").first { $0.hasPrefix(name + " ") })
            return try #require(Double(line.dropFirst(name.count + 1)))
        }
        #expect(try value("process_resident_memory_bytes") > 1_000_000)
        #expect(try value("process_open_fds") >= 3)
        #expect(try value("process_cpu_seconds_total") >= 0)
        let start = try value("process_start_time_seconds")
        #expect(start > 1_700_000_000 && start < 10_000_000_000)
    }
}
