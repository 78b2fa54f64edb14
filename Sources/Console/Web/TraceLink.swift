import Outbox
import ProgramRuntime

/// Where traces are looked at: an address with a place for the trace's id.
struct TraceLink: Sendable, Equatable {
    private static let place = "{trace_id}"

    private let template: String

    /// - Returns: nil for what is no address of the web with that place in it.
    init?(_ template: String) {
        let hasScheme = ["https://", "http://"].contains { template.hasPrefix($0) && template.count > $0.count }
        let isPlain = template.utf8.allSatisfy { (0x21..<0x7F).contains($0) && !"\"<>`\\".utf8.contains($0) }
        guard hasScheme, isPlain, template.contains(Self.place) else { return nil }
        self.template = template
    }

    /// The address of an event's trace; nil for one that is of none.
    func address(of event: EventLife.Event) -> String? {
        let id = event.context?.traceID ?? event.trace.flatMap { Self.isID($0) ? $0 : nil }
        return id.map { template.replacing(Self.place, with: $0) }
    }

    /// Collectors may send a trace's id as their own.
    private static func isID(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    static let setting = Setting<TraceLink>(
        "CONSOLE_TRACE_URL", flag: "--trace-url", default: nil, defaultText: "events have no link to their trace",
        allowed: "an address that begins with https:// or http:// and has {trace_id} in it",
        help: "where traces are looked at, as in https://traces.example/trace/{trace_id}", parse: TraceLink.init)
}
