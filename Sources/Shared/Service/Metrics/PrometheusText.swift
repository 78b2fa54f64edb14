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

/// Builds the Prometheus text format, version 0.0.4.
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""

    mutating func header(_ name: String, kind: MetricDescription.Kind, help: String) {
        if !help.isEmpty { text += "# HELP \(name) \(Self.escaped(help))\n" }
        text += "# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: MetricLabels, _ value: Double) {
        text += "\(name)\(labels.text) \(Self.number(value))\n"
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
