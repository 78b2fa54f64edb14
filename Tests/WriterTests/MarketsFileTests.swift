import Foundation
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite("Files of markets")
struct MarketsFileTests {
    private let header = MarketsCSV.header.joined(separator: ",") + "\n"

    private func csv(_ text: String) throws -> [ExchangeEntry] { try MarketsCSV.parse(Data(text.utf8)) }

    private func problem(csv text: String) throws -> String {
        try #require(throws: MarketsFileError.self) { try csv(text) }.description
    }

    private func problem(json text: String) throws -> String {
        try #require(throws: MarketsFileError.self) { try MarketsJSON.parse(Data(text.utf8)) }.description
    }

    // MARK: CSV

    @Test func csvIsRead() throws {
        let exchanges = try csv(
            header + "1,binance,Binance,7,BTCUSDT,BTC/USDT,BTC,USDT,true\n2,kraken,Kraken,9,X,X/Y,,,f\n"
                + "1,binance,Binance,8,ETHUSDT,ETH/USDT,ETH,USDT,0")
        #expect(exchanges.map(\.id) == [1, 2] && exchanges.map(\.name) == ["Binance", "Kraken"])
        #expect(exchanges[0].markets.map(\.id) == [7, 8] && exchanges[0].markets.map(\.active) == [true, false])
        #expect(exchanges[0].markets[0].base == "BTC" && exchanges[0].markets[0].symbol == "BTC/USDT")
        #expect(exchanges[1].markets[0].base == nil && exchanges[1].markets[0].quote == nil)
        #expect(try csv(header).isEmpty)
    }

    @Test func csvMayHaveQuotesAndLineEndsOfWindows() throws {
        let exchanges = try csv(
            header.replacing("\n", with: "\r\n")
                + "1,\"a,b\",\"The \"\"Best\"\"\",7,\"\",\"\"\"q\"\"\",\"x\"\"y\",\"\",\"true\"\r\n")
        #expect(exchanges[0].externalExchangeId == "a,b" && exchanges[0].name == "The \"Best\"")
        #expect(exchanges[0].markets[0].externalMarketId == "" && exchanges[0].markets[0].symbol == "\"q\"")
        #expect(exchanges[0].markets[0].base == "x\"y" && exchanges[0].markets[0].quote == nil)
    }

    /// As spreadsheets write it.
    @Test func csvMayStartWithAByteOrderMark() throws {
        #expect(try csv("\u{FEFF}" + header + "1,b,B,7,M,M,,,true").count == 1)
    }

    @Test(arguments: ["", "id,name\n", "1,binance,Binance,7,BTCUSDT,BTC/USDT,BTC,USDT,true\n"])
    func csvNeedsItsHeader(text: String) throws {
        #expect(try problem(csv: text).hasPrefix("line 1: expected exchange_id,external_exchange_id,"))
    }

    @Test(arguments: [
        "1,b,B,7,M,M,,\n", "1,b,B,7,M,M,,,true,\n", "x,b,B,7,M,M,,,true\n", "1,b,B,3000000000,M,M,,,true\n",
        "1,b,B,7,M,M,,,yes\n", "1,\"b,B,7,M,M,,,true\n",
    ])
    func csvNamesTheLine(line: String) throws {
        let message = try problem(csv: header + "1,b,B,6,M,M,,,true\n" + line)
        #expect(message == "line 3: expected 9 fields, ids as numbers, active true or false")
    }

    @Test func csvCountsEmptyLinesToo() throws {
        let text = header + "\n1,b,B,6,M,M,,,true\n\n\nwrong\n"
        #expect(try problem(csv: text).hasPrefix("line 6:"))
        #expect(try csv(header + "\n1,b,B,6,M,M,,,true\n\n").count == 1)
    }

    // MARK: JSON

    @Test func jsonIsRead() throws {
        let exchanges = try MarketsJSON.parse(
            Data(
                """
                [{"id":1,"externalExchangeId":"binance","name":"Binance","markets":[
                  {"id":7,"externalMarketId":"BTCUSDT","symbol":"BTC/USDT","base":"BTC","quote":"USDT","active":false},
                  {"id":8,"externalMarketId":"X","symbol":"X","base":null,"more":1}]}]
                """.utf8))
        #expect(exchanges[0].markets.map(\.id) == [7, 8])
        #expect(exchanges[0].markets[0].active == false && exchanges[0].markets[1].active == nil)
    }

    private static func exchange(_ markets: String) -> String {
        #"[{"id":1,"externalExchangeId":"b","name":"B","markets":[\#(markets)]}]"#
    }

    @Test func jsonNamesThePath() throws {
        #expect(try problem(json: #"[{"id":1}]"#).hasPrefix("[0] has no "))
        let noSymbol = Self.exchange(#"{"id":1,"externalMarketId":"a","symbol":"s"},{"id":2,"externalMarketId":"a"}"#)
        #expect(try problem(json: noSymbol) == "[0].markets[1] has no symbol")
        let text = Self.exchange(#"{"id":"1","externalMarketId":"a","symbol":"s"}"#)
        #expect(try problem(json: text).hasPrefix("[0].markets[0].id: "))
        let null = Self.exchange(#"{"id":1,"externalMarketId":null,"symbol":"s"}"#)
        #expect(try problem(json: null).hasPrefix("[0].markets[0].externalMarketId: "))
    }

    /// A number that doesn't fit is among them: Foundation names no path for it.
    @Test(arguments: ["", "[", "{} {}", "nonsense", #"[{"id":3000000000}]"#])
    func otherFilesAreNoJSON(text: String) throws {
        #expect(try problem(json: text) == "is not JSON of the expected shape")
    }

    @Test func theOutermostValueHasToBeAList() throws {
        #expect(try problem(json: "{}").hasPrefix("the file: "))
    }
}
