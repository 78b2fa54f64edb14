/// How metrics are written.
enum MetricsFormat: Sendable {
    /// The Prometheus text format 0.0.4.
    case prometheus
    /// OpenMetrics 1.0: has exemplars, and an end that shows that nothing is missing.
    case openMetrics

    /// What a caller prefers.
    /// - Parameter accept: the header `Accept`; empty where there is none.
    init(accept: String) {
        let ranges = accept.split(separator: ",").map { MediaRange($0) }
        let openMetrics = ranges.filter(\.isOpenMetrics).map(\.quality).max() ?? 0
        let text = ranges.filter { $0.type == "text/plain" }.map(\.quality).max() ?? 0
        self = openMetrics > 0 && openMetrics >= text ? .openMetrics : .prometheus
    }

    var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}

/// One of the types that `Accept` lists.
private struct MediaRange {
    let type: String
    /// 0 to 1.
    var quality = 1.0
    var version: String?

    var isOpenMetrics: Bool { type == "application/openmetrics-text" && (version ?? "1.0.0") == "1.0.0" }

    init(_ text: Substring) {
        let parts = text.lowercased().split(separator: ";").map { part in part.filter { !$0.isWhitespace } }
        type = parts.first ?? ""
        for part in parts.dropFirst() {
            if part.hasPrefix("q=") { quality = Double(part.dropFirst(2)) ?? 0 }
            if part.hasPrefix("version=") { version = part.dropFirst(8).filter { $0 != "\"" } }
        }
    }
}
