package import ArgumentParser
package import Candlepost
import Postgres
package import ProgramRuntime
import Records

/// Which messages of the quarantine are meant; all conditions hold together.
package struct QuarantineFilter: ParsableArguments {
    @Option(help: "The row of the quarantine; may be given several times.") package var id: [Int64] = []
    @Option(help: "The reason code, as in not_json or unknown_market.") package var refused: String?
    @Option(help: "The queue.") package var queue: String?
    @Option(help: "The market's id.") package var market: Int32?
    @Option(help: "Received at or after this time: ISO 8601, or 2h for two hours ago.") package var since: String?
    @Option(help: "Received before this time.") package var until: String?

    package init() {}

    /// Whether nothing was selected by.
    package var isEmpty: Bool {
        id.isEmpty && refused == nil && queue == nil && market == nil && since == nil && until == nil
    }

    package func validate() throws {
        try TimeOrder.check(since: since, until: until)
        if let refused, Refusal.Reason(rawValue: refused) == nil {
            let known = Refusal.Reason.allCases.map(\.rawValue)
            let meant = Spelling.nearest(to: refused, in: known).map { ". Did you mean \($0)?" } ?? ""
            throw ValidationError("--refused is \"\(refused)\", but may be: \(known.joined(separator: ", "))\(meant)")
        }
    }

    package func selection(openOnly: Bool) throws(CommandExit) -> Selection {
        var selection = Selection()
        if openOnly { selection.add("resolved_at IS NULL") }
        if !id.isEmpty {
            selection.add("id = ANY(?)", .array(id))
        }
        selection.add("reason = ?", refused.map(Parameter.text))
        selection.add("queue = ?", queue.map(Parameter.text))
        selection.add("market_id = ?", market.map(Parameter.int4))
        try selection.add("received_at >= ?", time: since, flag: "--since")
        try selection.add("received_at < ?", time: until, flag: "--until")
        return selection
    }
}
