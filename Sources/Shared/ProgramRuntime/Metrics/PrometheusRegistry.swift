public import CoreMetrics
import Synchronization

/// The metrics of a process, and their text for Prometheus.
///
/// Make metrics once, keep them, and increment them once for each batch. The same label and dimensions give the same
/// series. Timers and aggregating recorders are histograms; timers count in seconds, so their names end in `_seconds`.
public final class PrometheusRegistry: MetricsFactory {
    struct Family {
        let description: MetricDescription
        var series: [MetricLabels: any MetricSource] = [:]
    }

    private let descriptions: [String: MetricDescription]
    private let families = Mutex<[String: Family]>([:])

    /// - Parameter descriptions: The help, and the buckets, of the metrics to come. One without gets no help line.
    public init(_ descriptions: [MetricDescription] = []) {
        let all = ProcessMetrics.descriptions + descriptions
        self.descriptions = Dictionary(all.map { ($0.name, $0) }) { _, last in last }
        ProcessMetrics.register(in: self)
    }

    /// Adds a gauge that is asked at each scrape.
    /// - Parameter read: Gives the value, or nil when there is none now. It is called on the thread of the HTTP
    ///   endpoint and must not block.
    public func addGauge(
        _ name: String, dimensions: [(String, String)] = [], read: @escaping @Sendable () -> Double?
    ) {
        _ = source(name, dimensions, kind: .gauge) { _ in PrometheusCallbackGauge(read: read) }
    }

    /// Adds a counter that is asked at each scrape; see ``addGauge(_:dimensions:read:)``.
    public func addCounter(
        _ name: String, dimensions: [(String, String)] = [], read: @escaping @Sendable () -> Double?
    ) {
        _ = source(name, dimensions, kind: .counter) { _ in PrometheusCallbackGauge(read: read) }
    }

    /// Adds gauges that are asked together at each scrape, told apart by one label; see ``addGauge(_:dimensions:read:)``.
    /// - Parameter read: gives the label's values and the gauges'.
    public func addGauges(_ name: String, label: String, read: @escaping @Sendable () -> [(String, Double)]) {
        _ = source(name, [], kind: .gauge) { _ in PrometheusCallbackGauges(label: label, read: read) }
    }

    /// All metrics in the Prometheus text format 0.0.4, by name.
    public func text() -> String { text(as: .prometheus) }

    /// All metrics as a caller prefers them.
    /// - Parameter accept: the header `Accept`; empty where there is none.
    public func scrape(accept: String) -> (contentType: String, text: String) {
        let format = MetricsFormat(accept: accept)
        return (format.contentType, text(as: format))
    }

    func text(as format: MetricsFormat) -> String {
        // The callbacks of gauges run outside the lock: they may take locks of their own.
        let families = self.families.withLock { $0 }
        var text = PrometheusText(format: format)
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            text.header(name, kind: family.description.kind, help: family.description.help)
            for (labels, source) in family.series.sorted(by: { $0.key.text < $1.key.text }) {
                source.write(to: &text, name: name, labels: labels)
            }
        }
        text.end()
        return text.text
    }

    /// The series of this name and these dimensions, made if it is new.
    func source<Source: MetricSource>(
        _ label: String, _ dimensions: [(String, String)], kind: MetricDescription.Kind,
        make: (MetricDescription) -> Source
    ) -> Source {
        let name = PrometheusText.metricName(label)
        let labels = MetricLabels(dimensions)
        let description = descriptions[name] ?? MetricDescription(name, kind, "")
        precondition(description.kind == kind, "\(name) is described as a \(description.kind.rawValue)")
        return families.withLock { families in
            var family = families[name] ?? Family(description: description)
            if let known = family.series[labels] {
                guard let known = known as? Source else { preconditionFailure("\(name) exists as another kind") }
                return known
            }
            let made = make(description)
            family.series[labels] = made
            families[name] = family
            return made
        }
    }

    func remove(_ handler: AnyObject) {
        families.withLock { families in
            for (name, family) in families {
                families[name]?.series = family.series.filter { $0.value !== handler }
            }
        }
    }
}
