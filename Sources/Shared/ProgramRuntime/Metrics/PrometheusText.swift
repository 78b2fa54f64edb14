/// The labels of a series, in a fixed order.
struct MetricLabels: Hashable, Sendable {
    /// `name="value"` pairs, ready to print.
    private let pairs: [String]

    init(_ dimensions: [(String, String)]) {
        pairs = dimensions.map { "\(PrometheusText.labelName($0.0))=\"\(PrometheusText.labelValue($0.1))\"" }.sorted()
    }

    private init(pairs: [String]) {
        self.pairs = pairs
    }

    /// These and one more behind them.
    func with(_ name: String, _ value: String) -> MetricLabels {
        MetricLabels(pairs: pairs + ["\(name)=\"\(value)\""])
    }

    var text: String { pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}" }
}

/// Builds what a scrape is answered with.
struct PrometheusText {
    let format: MetricsFormat
    private(set) var text = ""

    init(format: MetricsFormat = .prometheus) { self.format = format }

    mutating func header(_ name: String, kind: MetricDescription.Kind, help: String) {
        let family = familyName(name, kind)
        if !help.isEmpty { text += "# HELP \(family) \(escapedHelp(help))\n" }
        text += "# TYPE \(family) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: MetricLabels, _ value: Double) {
        text += "\(name)\(labels.text) \(Self.number(value))\n"
    }

    /// A bucket of a histogram, and in OpenMetrics an event that fell into it.
    mutating func bucket(
        _ name: String, _ labels: MetricLabels, upTo bound: Double, _ value: Double,
        _ exemplar: PrometheusHistogram.Exemplar?
    ) {
        text += "\(name)_bucket\(labels.with("le", self.bound(bound)).text) \(Self.number(value))"
        if format == .openMetrics, let exemplar {
            let trace = exemplar.trace
            text += " # {trace_id=\"\(trace.traceID)\",span_id=\"\(trace.spanID)\"} \(exemplar.value) \(exemplar.at)"
        }
        text += "\n"
    }

    /// Whoever does not find it has not got all.
    mutating func end() { if format == .openMetrics { text += "# EOF\n" } }

    /// OpenMetrics names a counter without the `_total` of its sample.
    private func familyName(_ name: String, _ kind: MetricDescription.Kind) -> String {
        format == .openMetrics && kind == .counter && name.hasSuffix("_total") ? String(name.dropLast(6)) : name
    }

    private func escapedHelp(_ help: String) -> String {
        let escaped = Self.escaped(help)
        return format == .openMetrics ? escaped.replacing("\"", with: "\\\"") : escaped
    }

    /// OpenMetrics wants a point in each number that may have one.
    private func bound(_ value: Double) -> String {
        format == .openMetrics && value.isFinite ? "\(value)" : Self.number(value)
    }

    /// Whole numbers without a fraction; infinities and "not a number" as Prometheus spells them.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    /// The name with `_` for what a metric's name may not contain.
    static func metricName(_ name: String) -> String { legalName(name, alsoAllowed: ":") }

    /// The name with `_` for what a label's name may not contain.
    static func labelName(_ name: String) -> String { legalName(name, alsoAllowed: "_") }

    static func labelValue(_ value: String) -> String { escaped(value).replacing("\"", with: "\\\"") }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    private static func legalName(_ name: String, alsoAllowed: Character) -> String {
        let legal = String(
            name.map { character in
                let allowed = character.isASCII && (character.isLetter || character.isNumber)
                return allowed || character == "_" || character == alsoAllowed ? character : "_"
            })
        return legal.first?.isNumber ?? true ? "_" + legal : legal
    }
}
