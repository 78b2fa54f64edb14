import ArgumentParser
import Candlepost
import Postgres
import ProgramRuntime

struct MarketsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the markets that are known, by id.")

    @Option(help: "The market's id.") var market: Int32?
    @Option(help: "The symbol, as in BTC/USDT.") var symbol: String?
    @Option(help: "The exchange's external id or its name.") var exchange: String?
    @OptionGroup var most: RowLimit
    @Flag(help: "One JSON array.") var json = false

    func run() async throws {
        var selection = Selection()
        selection.add("m.id = ?", market.map(Parameter.int4))
        selection.add("m.symbol = ?", symbol.map(Parameter.text))
        selection.add("(e.external_exchange_id = ? OR e.name = ?)", exchange.map(Parameter.text))
        let (clause, isNarrow) = (selection.clause, !selection.isEmpty)
        selection.add("?", most.parameter)
        let rows = try await CommandConnections.withDatabase(.current) { [selection] in
            try await $0.execute(
                """
                SELECT m.id::bigint, e.external_exchange_id, m.external_market_id, m.symbol, m.base, m.quote, m.active
                FROM markets m JOIN exchanges e ON e.id = m.exchange_id \(clause)
                ORDER BY m.id LIMIT $\(selection.parameters.count)
                """, selection.parameters)
        }
        if isNarrow, rows.count == 0 { throw CommandExit(.no, "no market is like that") }
        var listing = ListingWriter(columns: Self.columns, format: json ? .json : .table)
        for row in 0..<most.shown(rows.count) { listing.write(try rows[row].cells(Self.columns)) }
        listing.finish()
        most.noteRest(rows.count, "writer")
    }

    private static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("exchange"), ListingColumn("external_market_id"),
        ListingColumn("symbol"), ListingColumn("base"), ListingColumn("quote"), ListingColumn("active", isFlag: true),
    ]
}
