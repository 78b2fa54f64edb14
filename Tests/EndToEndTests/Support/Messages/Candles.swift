import Records
import TestSupport

/// Candles that look like those of a market: a random walk for each, minute by minute, with what real exchanges send now
/// and then: empty minutes, null prices, more than six elements.
struct Candles {
    private let markets: Int
    private var generator: SeededGenerator
    private var prices: [Double]
    private var made = 0

    /// - Parameter markets: they have the ids 1, 2, …
    init(markets: Int = 64, seed: UInt64 = 1) {
        self.markets = markets
        generator = SeededGenerator(seed: seed)
        prices = (1...markets).map { 10 * Double($0) }
    }

    /// The next messages, the markets in turn.
    mutating func next(_ count: Int) -> [Message] { (0..<count).map { _ in next() } }

    private mutating func next() -> Message {
        let market = made % markets
        let start = 1_702_305_540_000 + Int64(made / markets) * 60_000
        made += 1
        return Message(
            market: Int32(market + 1), start: start, fields: "\"charts\":\(charts(market, start))",
            trace: made % 10 == 0 ? nil : "trace-\(made)")
    }

    private mutating func charts(_ market: Int, _ start: Int64) -> String {
        switch Int.random(in: 0..<40, using: &generator) {
        case 0: return "[]"
        case 1: return "[[\(start),null,null,null,null,0]]"
        case 2: return "[\(row(market, start)),\(row(market, start + 30_000))]"
        case 3: return "[\(row(market, start).dropLast()),0.5,12]]"
        default: return "[\(row(market, start))]"
        }
    }

    private mutating func row(_ market: Int, _ time: Int64) -> String {
        let open = prices[market]
        let close = max(0.01, cents(open * Double.random(in: 0.99...1.01, using: &generator)))
        prices[market] = close
        let high = cents(max(open, close) * 1.001)
        let low = cents(min(open, close) * 0.999)
        let volume = (Double.random(in: 0...500, using: &generator) * 100_000).rounded() / 100_000
        return "[\(time),\(open),\(high),\(low),\(close),\(volume)]"
    }

    private func cents(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
