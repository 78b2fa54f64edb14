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

/// Gauges that are asked together when somebody looks, told apart by one label.
final class PrometheusCallbackGauges: MetricSource {
    private let label: String
    private let read: @Sendable () -> [(String, Double)]

    init(label: String, read: @escaping @Sendable () -> [(String, Double)]) {
        self.label = label
        self.read = read
    }

    func write(to text: inout PrometheusText, name: String, labels: MetricLabels) {
        for (value, number) in read() { text.sample(name, labels.with(label, value), number) }
    }
}
