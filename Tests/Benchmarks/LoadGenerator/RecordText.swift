import TestSupport

/// The text of a good message, as a collector writes it.
struct RecordText {
    let market: Int
    /// Milliseconds since 1970.
    let start: Int
    let end: Int
    private(set) var body: [UInt8] = []

    private let kind: String
    private var symbol = 0..<0
    private var payload = 0..<0
    private var trace = 0..<0
    private var random: SeededGenerator

    init(kind: String, market: Int, slot: Int, rows: Int, trace number: Int, _ random: SeededGenerator) {
        let length = 60_000 * max(rows, 1)
        (self.kind, self.market, self.random) = (kind, market, random)
        start = 1_700_000_040_000 + slot * length
        end = start + length
        body.reserveCapacity(360)
        add(#"{"exchange":"load","symbol":"#)
        symbol = mark { $0.addSymbol() }
        add(#","payload":"#)
        payload = mark { $0.addPayload(rows) }
        add(#","collectorTraceId":"#)
        trace = mark { $0.add("\"load-\(number)\"") }
        add("}")
    }

    /// The message that must leave for it.
    var outgoing: [UInt8] {
        var bytes = Array(#"{"exchange":"load","symbol":"#.utf8)
        bytes += body[symbol]
        bytes += #","payload":"#.utf8
        bytes += body[payload]
        bytes += #","type":"\#(kind)","collectorTraceId":"#.utf8
        bytes += body[trace]
        bytes += "}".utf8
        return bytes
    }

    private mutating func mark(_ write: (inout RecordText) -> Void) -> Range<Int> {
        let lower = body.count
        write(&self)
        return lower..<body.count
    }

    private mutating func add(_ text: String) { body.append(contentsOf: text.utf8) }

    // MARK: parts

    /// Some with characters and escapes that must leave as they came.
    private mutating func addSymbol() {
        switch random.below(64) {
        case 0: add(#""M\#(market)\/US\u0044T""#)
        case 1: add("\"M\(market)/₮😀\"")
        default: add("\"M\(market)/USDT\"")
        }
    }

    private mutating func addPayload(_ rows: Int) {
        add("{")
        switch kind {
        case "CandleStick": addRows("charts", rows) { $0.addCandle($1) }
        case "OrderBook":
            addRows("bids", 5) { text, _ in text.addOffer() }
            add(",")
            addRows("asks", 5) { text, _ in text.addOffer() }
        case "Ticker": addTicker()
        case "Trade": addRows("tradesInfo", 3) { $0.addTrade($1) }
        default: addRate()
        }
        if random.below(32) == 0 { add(#", "extra" : {"a":[1,null,"é"]}"#) }
        add(#","intervalStart":\#(start),"intervalEnd":\#(end),"marketId":\#(market)}"#)
    }

    private mutating func addRows(_ name: String, _ count: Int, _ row: (inout RecordText, Int) -> Void) {
        add("\"\(name)\":[")
        // Now and then an interval in which nothing happened.
        let count = random.below(50) == 0 ? 0 : count
        for index in 0..<count {
            if index > 0 { add(",") }
            add("[")
            row(&self, index)
            add("]")
        }
        add("]")
    }

    private mutating func addCandle(_ index: Int) {
        addNumber(start + index * 60_000)
        let low = 1_000_000 + random.below(5_000_000)
        let range = 1 + random.below(10_000)
        for price in [low + random.below(range), low + range, low, low + random.below(range)] {
            add(",")
            addDecimal(price, places: 2)
        }
        add(",")
        if random.below(100) == 0 { add("null") } else { addDecimal(random.below(1_000_000_000), places: 5) }
        if random.below(40) == 0 { add(",17,1e-7") }
    }

    private mutating func addOffer() {
        addDecimal(1_000_000 + random.below(5_000_000), places: 2)
        add(",")
        addDecimal(random.below(100_000_000), places: 6)
    }

    private mutating func addTrade(_ index: Int) {
        addNumber(random.below(2))
        add(",")
        addOffer()
        add(",")
        addNumber(start + index * 1000)
    }

    private mutating func addTicker() {
        let names = ["last", "high", "low", "bid", "ask", "vwap", "baseVolume", "change"]
        for (index, name) in names.enumerated() where index == 0 || random.below(10) > 0 {
            add(index == 0 ? "\"\(name)\":" : ",\"\(name)\":")
            if index > 0, random.below(20) == 0 {
                add("null")
            } else {
                addDecimal(random.below(1_000_000_000), places: 3)
            }
        }
    }

    private mutating func addRate() {
        add("\"poolASize\":\"")
        for _ in 0..<2 { addNumber(1_000_000_000_000_000 + random.below(1_000_000_000_000_000)) }
        add(".000000000000000001\",\"poolBSize\":")
        addDecimal(random.below(1_000_000_000_000), places: 6)
        add(",\"exchangeRate\":\"0.")
        addNumber(1_000_000_000_000 + random.below(1_000_000_000_000))
        add("\"")
    }

    // MARK: numbers

    private mutating func addNumber(_ value: Int) { addDecimal(value, places: 0) }

    /// `value` of units of the last place, never negative.
    private mutating func addDecimal(_ value: Int, places: Int) {
        let first = body.count
        var rest = value
        var written = 0
        repeat {
            if written == places, places > 0 { body.append(UInt8(ascii: ".")) }
            body.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
            written += 1
        } while rest > 0 || written <= places
        body[first...].reverse()
    }
}
