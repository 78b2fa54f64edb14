import CoreMetrics
import Synchronization

/// Something that can be scraped.
protocol MetricSource: AnyObject, Sendable {
    /// Appends the lines of this series.
    func write(to text: inout PrometheusText, name: String, labels: MetricLabels)
}

final class PrometheusCounter: CounterHandler, MetricSource {
    private let value = Atomic<Int64>(0)

    /// A negative amount is let go, because a counter only rises.
    func increment(by amount: Int64) {
        if amount > 0 { value.wrappingAdd(amount, ordering: .relaxed) }
    }

    func reset() { value.store(0, ordering: .relaxed) }

    func write(to text: inout PrometheusText, name: String, labels: MetricLabels) {
        text.sample(name, labels, Double(value.load(ordering: .relaxed)))
    }
}

final class PrometheusFloatingPointCounter: FloatingPointCounterHandler, MetricSource {
    private let value = Mutex(0.0)

    func increment(by amount: Double) {
        if amount > 0 { value.withLock { $0 += amount } }
    }

    func reset() { value.withLock { $0 = 0 } }

    func write(to text: inout PrometheusText, name: String, labels: MetricLabels) {
        text.sample(name, labels, value.withLock { $0 })
    }
}

/// A `Meter`, and a `Gauge` (a recorder that does not aggregate).
final class PrometheusGauge: MeterHandler, RecorderHandler, MetricSource {
    private let value = Mutex(0.0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }

    func write(to text: inout PrometheusText, name: String, labels: MetricLabels) {
        text.sample(name, labels, value.withLock { $0 })
    }
}

/// A gauge that is asked when somebody looks.
final class PrometheusCallbackGauge: MetricSource {
    private let read: @Sendable () -> Double?

    init(read: @escaping @Sendable () -> Double?) {
        self.read = read
    }

    func write(to text: inout PrometheusText, name: String, labels: MetricLabels) {
        if let value = read() { text.sample(name, labels, value) }
    }
}

/// A `Timer`, in seconds, and a `Recorder` that aggregates.
final class PrometheusHistogram: TimerHandler, RecorderHandler, MetricSource {
    private struct State {
        /// One for each bucket and one for what is above the last.
        var counts: [UInt64]
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

    func record(_ value: Double) {
        let bucket = buckets.firstIndex { value <= $0 } ?? buckets.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    func write(to text: inout PrometheusText, name: String, labels: MetricLabels) {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        var total: UInt64 = 0
        for (bound, count) in zip(buckets + [.infinity], counts) {
            total += count
            text.sample(name + "_bucket", labels.with("le", PrometheusText.number(bound)), Double(total))
        }
        text.sample(name + "_sum", labels, sum)
        text.sample(name + "_count", labels, Double(total))
    }
}
