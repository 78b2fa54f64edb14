import ArgumentParser
import Postgres
import Program
import Records
import Service

/// Which rows of the outbox are meant; all conditions hold together.
struct OutboxFilter: ParsableArguments {
    /// What becomes of a row, as the view `outbox_audit` has it.
    enum State: String, ExpressibleByArgument, CaseIterable, Sendable {
        case pending, published, parked, superseded
    }

    @Option(help: "The row; may be given several times.") var id: [Int64] = []
    @Option(help: "The market's id.") var market: Int32?
    @Option(help: "The market's symbol, as in BTC/USDT.") var symbol: String?
    @Option(help: "The exchange's external id or its name.") var exchange: String?
    @Option(help: ArgumentHelp("The kind: \(RecordKind.all.map(\.name).joined(separator: ", ")).")) var kind: String?
    @Option(help: "What became of the row.") var state: State?
    @Option(help: "The collector's trace id. Needs a walk through the log: give --since as well.") var trace: String?
    @Option(help: "Created at or after this time: ISO 8601, or 2h for two hours ago.") var since: String?
    @Option(help: "Created before this time.") var until: String?

    func validate() throws {
        if let kind, RecordKind.named(kind) == nil {
            let known = RecordKind.all.map(\.name).joined(separator: ", ")
            throw ValidationError("--kind is \"\(kind)\", but may be: \(known)")
        }
    }

    /// The markets that are meant are known by id only to the database.
    var namesMarkets: Bool { symbol != nil || exchange != nil }

    /// Ids of the markets that ``namesMarkets`` speaks of.
    func marketsStatement() -> Statement {
        var selection = Selection()
        selection.add("m.id = ?", market.map(Parameter.int4))
        selection.add("m.symbol = ?", symbol.map(Parameter.text))
        selection.add("(e.external_exchange_id = ? OR e.name = ?)", exchange.map(Parameter.text))
        return Statement(
            "SELECT m.id FROM markets m JOIN exchanges e ON e.id = m.exchange_id \(selection.clause)",
            selection.parameters)
    }
}
