/// Decodes and validates one message of a collector in a single pass over its bytes.
///
/// Our own instead of Foundation's decoder because this is the hot path and `payload` must leave byte for byte as it
/// came: docs/measurements.md has the figures.
struct MessageDecoder {
    /// What a message holds beside its column values; ranges refer to the batch's bytes.
    struct Envelope {
        var key: RecordKey
        var exchange: Range<Int>
        var symbol: Range<Int>
        var payload: Range<Int>
        var traceID: Range<Int>?
        var traceIDHasEscapes = false
    }

    private let layout: FieldLayout
    /// Where the message starts in the batch's bytes.
    let base: Int
    private var scanner = JSONScanner()

    private var exchange: Range<Int>?
    private var symbol: Range<Int>?
    private var payload: Range<Int>?
    private var traceID: Range<Int>?
    private var traceIDHasEscapes = false
    private var hasTraceID = false
    private(set) var market: Int32?
    /// How far it has read: the byte that it stopped at, if it threw.
    var position: Int { scanner.position }
    private var intervalStart: Int64?
    private var intervalEnd: Int64?
    /// Bit n: field n of the kind was met.
    private var fieldsMet: UInt32 = 0
    private var rowTimes = RowTimes()
    private let latest: Int64

    /// - Parameters:
    ///   - base: where the message starts in the batch's bytes.
    ///   - latest: the last end of an interval that is no mistake.
    init(_ layout: FieldLayout, base: Int, latest: Int64) {
        self.layout = layout
        self.base = base
        self.latest = latest
    }

    mutating func decode(
        _ bytes: Span<UInt8>, text: inout [UInt8], values: inout [Range<Int>?]
    ) throws(Refusal) -> Envelope {
        guard scanner.peek(bytes) == UInt8(ascii: "{") else {
            throw scanner.syntaxError("expected a JSON object", bytes)
        }
        let firstValue = values.count
        for _ in layout.fields.indices { values.append(nil) }
        try object(bytes) { (decoder, key, bytes) throws(Refusal) in
            try decoder.topLevelField(key, bytes, text: &text, values: &values, firstValue: firstValue)
        }
        try scanner.expectEnd(bytes)
        let envelope = try envelope()
        if layout.hasComparisons {
            for comparison in layout.comparisons { try hold(comparison, text: text, values: values[firstValue...]) }
        }
        return envelope
    }

    // MARK: the two objects

    private static let exchangeKey = ShortKey("exchange")
    private static let symbolKey = ShortKey("symbol")
    private static let payloadKey = ShortKey("payload")
    private static let traceKey = ShortKey("collectorTraceId")
    private static let startKey = ShortKey("intervalStart")
    private static let endKey = ShortKey("intervalEnd")
    private static let marketKey = ShortKey("marketId")

    /// Calls `field` with the scanner before each value of the object that starts here.
    @inline(__always)
    private mutating func object(
        _ bytes: Span<UInt8>,
        _ field: (inout MessageDecoder, ShortKey?, Span<UInt8>) throws(Refusal) -> Void
    ) throws(Refusal) {
        guard scanner.take(UInt8(ascii: "{"), bytes) else { throw try scanner.wrongType("an object", bytes) }
        guard !scanner.take(UInt8(ascii: "}"), bytes) else { return }
        repeat {
            let key = ShortKey(try scanner.string(bytes), bytes)
            try scanner.expect(UInt8(ascii: ":"), bytes)
            try field(&self, key, bytes)
        } while scanner.take(UInt8(ascii: ","), bytes)
        try scanner.expect(UInt8(ascii: "}"), bytes)
    }

    private mutating func topLevelField(
        _ key: ShortKey?, _ bytes: Span<UInt8>, text: inout [UInt8], values: inout [Range<Int>?], firstValue: Int
    ) throws(Refusal) {
        switch key {
        case Self.exchangeKey:
            try once(exchange == nil, "exchange")
            exchange = try string("exchange", bytes).range
        case Self.symbolKey:
            try once(symbol == nil, "symbol")
            symbol = try string("symbol", bytes).range
        case Self.traceKey:
            try once(!hasTraceID, "collectorTraceId")
            hasTraceID = true
            if try !scanner.takeNull(bytes) {
                (traceID, traceIDHasEscapes) = try string("collectorTraceId", bytes)
            }
        case Self.payloadKey:
            try once(payload == nil, "payload")
            _ = scanner.peek(bytes)
            let start = scanner.position
            do {
                try object(bytes) { (decoder, key, bytes) throws(Refusal) in
                    try decoder.payloadField(key, bytes, text: &text, values: &values, firstValue: firstValue)
                }
            } catch { throw error.inside("payload") }
            payload = placed(start..<scanner.position)
        default: _ = try scanner.skipValue(bytes, depth: 1)
        }
    }

    private mutating func payloadField(
        _ key: ShortKey?, _ bytes: Span<UInt8>, text: inout [UInt8], values: inout [Range<Int>?], firstValue: Int
    ) throws(Refusal) {
        switch key {
        case Self.startKey:
            try once(intervalStart == nil, "intervalStart")
            intervalStart = try time("intervalStart", bytes)
        case Self.endKey:
            try once(intervalEnd == nil, "intervalEnd")
            intervalEnd = try time("intervalEnd", bytes)
        case Self.marketKey:
            try once(market == nil, "marketId")
            market = try marketID(bytes)
        case .some(let key):
            guard let index = layout.index(of: key) else {
                _ = try scanner.skipValue(bytes, depth: 2)
                return
            }
            try once(fieldsMet & 1 << index == 0, layout.fields[index].name)
            fieldsMet |= 1 << index
            let start = text.count
            do {
                if try FieldScanner.scan(layout.rules[index], &scanner, bytes, into: &text, times: &rowTimes) {
                    values[firstValue + index] = start..<text.count
                }
            } catch { throw error.inside(layout.fields[index].name) }
        default: _ = try scanner.skipValue(bytes, depth: 2)
        }
    }

    // MARK: single fields

    /// A string, with its quotes.
    private mutating func string(
        _ field: String, _ bytes: Span<UInt8>
    ) throws(Refusal) -> (range: Range<Int>, hasEscapes: Bool) {
        guard scanner.peek(bytes) == UInt8(ascii: "\"") else {
            throw try scanner.wrongType("a string", bytes).inside(field)
        }
        let start = scanner.position
        let hasEscapes = try scanner.string(bytes).hasEscapes
        return (placed(start..<scanner.position), hasEscapes)
    }

    private mutating func time(_ field: String, _ bytes: Span<UInt8>) throws(Refusal) -> Int64 {
        do { return try MessageTime.scan(&scanner, bytes) } catch { throw error.inside(field) }
    }

    private mutating func marketID(_ bytes: Span<UInt8>) throws(Refusal) -> Int32 {
        do throws(Refusal) {
            let number = try scanner.requireNumber(bytes)
            guard let value = number.integer else {
                throw Refusal(.wrongType, "expected an integer, found \(excerpt(number.range, bytes))")
            }
            guard let market = Int32(exactly: value), market > 0 else {
                throw Refusal(.outOfRange, "expected 1 to 2147483647, found \(value)")
            }
            return market
        } catch { throw error.inside("marketId") }
    }

    private func once(_ isFirst: Bool, _ field: @autoclosure () -> String) throws(Refusal) {
        guard isFirst else { throw Refusal(.duplicateField, "stands in its object twice").inside(field()) }
    }

    private func placed(_ range: Range<Int>) -> Range<Int> {
        (range.lowerBound + base)..<(range.upperBound + base)
    }

    // MARK: the whole

    private func envelope() throws(Refusal) -> Envelope {
        guard let exchange else { throw missing("exchange") }
        guard let symbol else { throw missing("symbol") }
        guard let payload else { throw missing("payload") }
        guard let market else { throw missing("payload.marketId") }
        guard let intervalStart else { throw missing("payload.intervalStart") }
        guard let intervalEnd else { throw missing("payload.intervalEnd") }
        let missed = layout.required & ~fieldsMet
        if missed != 0 { throw missing("payload.\(layout.fields[missed.trailingZeroBitCount].name)") }
        guard intervalStart < intervalEnd else {
            throw Refusal(.outOfRange, "expected a time after intervalStart \(intervalStart), found \(intervalEnd)")
                .inside("payload.intervalEnd")
        }
        try checkInterval(intervalStart, intervalEnd)
        return Envelope(
            key: RecordKey(market: market, intervalStart: intervalStart, intervalEnd: intervalEnd),
            exchange: exchange, symbol: symbol, payload: payload, traceID: traceID,
            traceIDHasEscapes: traceIDHasEscapes)
    }

    /// A length and an end that a unit mistaken or a clock gone wrong can't have, and rows that belong to it.
    private func checkInterval(_ start: Int64, _ end: Int64) throws(Refusal) {
        guard start >= MessageTime.earliest else {
            throw Refusal(.outOfRange, "expected milliseconds from 1990 on, found \(start)").inside(
                "payload.intervalStart")
        }
        guard end - start <= MessageTime.year else {
            throw Refusal(.outOfRange, "expected an interval of a year at most, found \(end - start) ms")
                .inside("payload.intervalEnd")
        }
        guard end <= latest else {
            throw Refusal(.outOfRange, "expected a time of the next year at the latest, found \(end)")
                .inside("payload.intervalEnd")
        }
        if let refusal = rowTimes.refusal(start: start, end: end) {
            throw refusal.inside(layout.fields[layout.timedField].name).inside("payload")
        }
    }

    /// What is missing or null fulfils any comparison.
    private func hold(
        _ comparison: FieldLayout.Comparison, text: [UInt8], values: ArraySlice<Range<Int>?>
    ) throws(Refusal) {
        func value(_ index: Int) -> Double? {
            values[values.startIndex + index].flatMap { range in
                let digits = text.span.extracting(range)
                return JSONNumber(at: 0, digits)?.double(digits)
            }
        }
        guard let first = value(comparison.first), let second = value(comparison.second), first < second else { return }
        let (name, other) = (layout.fields[comparison.first].name, layout.fields[comparison.second].name)
        throw Refusal(.outOfRange, "\(first) is below \(other) \(second)").inside("payload.\(name)")
    }

    private func missing(_ field: String) -> Refusal {
        Refusal(.missingField, "is missing").inside(field)
    }
}
