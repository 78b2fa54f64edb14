import ArgumentParser
import Candlepost
import FoundationEssentials
import Postgres
import ProgramRuntime

struct MarketsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "markets", abstract: "Keeps the exchanges and markets.",
        subcommands: [MarketsListCommand.self, MarketsImportCommand.self])
}

struct MarketsImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Adds or updates exchanges and markets; running writers know them at once.",
        discussion: """
            JSON: [{"id":1,"externalExchangeId":"binance","name":"Binance","markets":[{"id":1,
            "externalMarketId":"BTCUSDT","symbol":"BTC/USDT","base":"BTC","quote":"USDT","active":true}]}]
            CSV, with this header: exchange_id,external_exchange_id,exchange_name,id,external_market_id,symbol,base,quote,active
            """)

    @Argument(help: "A .json or .csv file.") var file: String

    func run() async throws {
        let data = Data(try InputFile.read(file, limit: 64 << 20))
        let exchanges: [ExchangeEntry]
        do {
            exchanges = try file.hasSuffix(".csv") ? MarketsCSV.parse(data) : MarketsJSON.parse(data)
        } catch {
            throw CommandExit(.no, "\(file): \(error)")
        }
        let changes = try await CommandConnections.withDatabase(.current) {
            try await MarketsImport(exchanges).run($0)
        }
        StandardStream.line("exchanges: \(changes.exchanges) added or changed, of \(exchanges.count)")
        StandardStream.line(
            "markets: \(changes.markets) added or changed, of \(exchanges.reduce(0) { $0 + $1.markets.count })")
    }
}

/// One exchange of an import file.
struct ExchangeEntry: Codable, Equatable {
    var id: Int32
    var externalExchangeId: String
    var name: String
    var markets: [MarketEntry]
}

/// One market of an import file.
struct MarketEntry: Codable, Equatable {
    var id: Int32
    var externalMarketId: String
    var symbol: String
    var base: String?
    var quote: String?
    var active: Bool?
}

/// Writes exchanges and markets, all or none.
struct MarketsImport {
    private let exchanges: [ExchangeEntry]

    init(_ exchanges: [ExchangeEntry]) { self.exchanges = exchanges }

    func run(_ connection: PostgresConnection) async throws -> (exchanges: Int, markets: Int) {
        let results = try await connection.pipeline([
            Statement("BEGIN"), upsertExchanges, upsertMarkets, Statement("COMMIT"),
        ])
        return (results[1].affectedRows, results[2].affectedRows)
    }

    private var upsertExchanges: Statement {
        var ids = BinaryArray(elementType: .int4, capacity: exchanges.count)
        var externalIDs = BinaryArray(elementType: .text, capacity: exchanges.count)
        var names = BinaryArray(elementType: .text, capacity: exchanges.count)
        for exchange in exchanges {
            ids.append(int4: exchange.id)
            externalIDs.append(text: exchange.externalExchangeId)
            names.append(text: exchange.name)
        }
        return Statement(
            """
            INSERT INTO exchanges AS e (id, external_exchange_id, name)
            SELECT * FROM unnest($1::int[], $2::text[], $3::text[])
            ON CONFLICT (id) DO UPDATE SET external_exchange_id = excluded.external_exchange_id, name = excluded.name
            WHERE (e.external_exchange_id, e.name) IS DISTINCT FROM (excluded.external_exchange_id, excluded.name)
            """, [.array(ids), .array(externalIDs), .array(names)])
    }

    private var upsertMarkets: Statement {
        let count = exchanges.reduce(0) { $0 + $1.markets.count }
        var ids = BinaryArray(elementType: .int4, capacity: count)
        var exchangeIDs = BinaryArray(elementType: .int4, capacity: count)
        var texts = (0..<4).map { _ in BinaryArray(elementType: .text, capacity: count) }
        var active = BinaryArray(elementType: .bool, capacity: count)
        for exchange in exchanges {
            for market in exchange.markets {
                ids.append(int4: market.id)
                exchangeIDs.append(int4: exchange.id)
                for (column, text) in [market.externalMarketId, market.symbol, market.base, market.quote].enumerated() {
                    if let text { texts[column].append(text: text) } else { texts[column].appendNull() }
                }
                active.append(bool: market.active ?? true)
            }
        }
        return Statement(
            """
            INSERT INTO markets AS m (id, exchange_id, external_market_id, symbol, base, quote, active)
            SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[])
            ON CONFLICT (id) DO UPDATE SET
                exchange_id = excluded.exchange_id, external_market_id = excluded.external_market_id,
                symbol = excluded.symbol, base = excluded.base, quote = excluded.quote, active = excluded.active
            WHERE (m.exchange_id, m.external_market_id, m.symbol, m.base, m.quote, m.active) IS DISTINCT FROM
                (excluded.exchange_id, excluded.external_market_id, excluded.symbol, excluded.base, excluded.quote,
                 excluded.active)
            """, [.array(ids), .array(exchangeIDs)] + texts.map(Parameter.array) + [.array(active)])
    }
}
