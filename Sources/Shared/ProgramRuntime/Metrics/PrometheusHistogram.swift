import CoreMetrics
import Synchronization

/// A `Timer`, in seconds, and a `Recorder` that aggregates.
final class PrometheusHistogram: TimerHandler, RecorderHandler, MetricSource {
    /// The last sampled event that fell into a bucket.
    struct Exemplar {
        let trace: SampledTrace
        let value: Double
        /// Seconds since 1970.
        let at: Double
    }

    private struct State {
        /// One for each bucket and one for what is above the last.
        var counts: [UInt64]
        /// As many, once there is one.
        var exemplars: [Exemplar?] = []
        var sum = 0.0
    }

    private let buckets: [Double]
    private let state: Mutex<State>

    init(buckets: [Double]) {
        self.buckets = buckets
        state = Mutex(State(counts: Array(repeating: 0, count: buckets.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { record(value, of: nil, at: 0) }

    /// - Parameters:
    ///   - trace: of what is recorded, if it is sampled.
    ///   - now: seconds since 1970.
    func record(_ value: Double, of trace: SampledTrace?, at now: Double) {
        let bucket = buckets.firstIndex { value <= $0 } ?? buckets.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
            guard let trace else { return }
            if state.exemplars.isEmpty { state.exemplars = Array(repeating: nil, count: buckets.count + 1) }
            state.exemplars[bucket] = Exemplar(trace: trace, value: value, at: now)
        }
    }

    func write(to text: inout PrometheusText, name: String, labels: MetricLabels) {
        let (counts, sum, exemplars) = state.withLock { ($0.counts, $0.sum, $0.exemplars) }
        var total: UInt64 = 0
        for (place, bound) in (buckets + [.infinity]).enumerated() {
            total += counts[place]
            text.bucket(name, labels, upTo: bound, Double(total), exemplars.isEmpty ? nil : exemplars[place])
        }
        text.sample(name + "_sum", labels, sum)
        text.sample(name + "_count", labels, Double(total))
    }
}

/// A histogram of seconds whose buckets name the trace of the last sampled event that fell into them: OpenMetrics calls it an
/// exemplar. Recording allocates nothing.
public struct TracedTimer: Sendable {
    private let histogram: PrometheusHistogram?

    /// - Parameter label: the metric's name. Counts nothing unless the metrics of the process are a ``PrometheusRegistry``.
    public init(label: String) {
        histogram = MetricsSystem.factory.makeTimer(label: label, dimensions: []) as? PrometheusHistogram
    }

    /// - Parameters:
    ///   - seconds: how long it took.
    ///   - trace: the event's, if it is sampled.
    ///   - now: seconds since 1970.
    public func record(seconds: Double, of trace: SampledTrace?, at now: Double) {
        histogram?.record(seconds, of: trace, at: now)
    }
}
