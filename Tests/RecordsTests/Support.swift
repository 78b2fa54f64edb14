@testable import Records

/// What the module made of one message, in types that tests can compare.
struct Decoded {
    let key: RecordKey
    let exchange: String
    let symbol: String
    let payload: String
    let traceID: String?
    let traceIDHasEscapes: Bool
    /// Column values by the column's name; a column that is null has none.
    let columns: [String: String]
}

/// Decodes one message through the public door, placed in the middle of other bytes as in a batch.
func decode(
    _ body: some Sequence<UInt8>, as kind: RecordKind = .candleStick, maximumBytes: Int = 1 << 20
) throws(Refusal) -> Decoded {
    let before = Array("{\"exchange\":".utf8)
    let bytes = before + body + Array("]}".utf8)
    var batch = PreparedBatch(bytes: bytes, capacity: 1, kinds: [kind])
    batch.add(body: before.count..<bytes.count - 2, kind: 0, maximumBytes: maximumBytes)
    if let refused = batch.refused.first { throw refused.refusal }
    let record = batch.records[0]
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    var columns: [String: String] = [:]
    for (index, field) in kind.fields.enumerated() {
        columns[field.column] = batch.value(index, of: record).map { String(decoding: $0, as: UTF8.self) }
    }
    return Decoded(
        key: record.key, exchange: text(record.exchange), symbol: text(record.symbol), payload: text(record.payload),
        traceID: record.traceID.map(text), traceIDHasEscapes: record.traceIDHasEscapes, columns: columns)
}

func decode(_ body: String, as kind: RecordKind = .candleStick) throws(Refusal) -> Decoded {
    try decode(body.utf8, as: kind)
}

/// Why a message is refused; nil if it is not.
func refusal(of body: some Sequence<UInt8>, as kind: RecordKind = .candleStick, maximumBytes: Int = 1 << 20) -> Refusal?
{
    do {
        _ = try decode(body, as: kind, maximumBytes: maximumBytes)
        return nil
    } catch { return error }
}

func refusal(of body: String, as kind: RecordKind = .candleStick) -> Refusal? { refusal(of: body.utf8, as: kind) }

/// The fields that every payload has.
let keyFields = #""intervalStart":1702305540000,"intervalEnd":1702305600000,"marketId":69"#

/// A message around `fields` of the payload.
func message(_ fields: String, key: String = keyFields, trace: String = #""9f8a1c2d""#) -> String {
    #"{"exchange":"binance","symbol":"BTC/USDT","payload":{\#(fields),\#(key)},"collectorTraceId":\#(trace)}"#
}

/// A candle message with these rows.
func candles(_ rows: String) -> String { message(#""charts":\#(rows)"#) }

let candle = "[1702305540000,42000.03,42016.11,41972.83,41988.89,107.70167]"

extension RecordKind {
    /// A kind with a field of each type, and with rules between them.
    static let everyType: RecordKind = {
        let file = """
            {
                "name": "EveryType", "queue": "every", "table": "every_type", "partition": "day",
                "fields": [
                    {"name": "high", "type": "number", "notNegative": true}, {"name": "low", "type": "integer", "required": false},
                    {"name": "exact", "type": "decimal", "null": "stored", "notNegative": true}, {"name": "note", "type": "text"},
                    {"name": "isFinal", "type": "boolean", "required": false, "null": "stored"}, {"name": "info", "type": "json"},
                    {"name": "levels", "type": "rows", "elements": ["a", "b"], "notBelow": [["b", "a"]], "null": "rows", "required": false}
                ],
                "notBelow": [["high", "low"]]
            }
            """
        do { return try KindFile.parse(Array(file.utf8)) } catch { fatalError("\(error)") }
    }()

    /// Fields of a payload of this kind that nothing is wrong with.
    var goodFields: String {
        switch name {
        case "CandleStick": #""charts":[\#(candle)]"#
        case "OrderBook": #""bids":[[42000.1,0.5],[42000,1]],"asks":[[42000.2,3]]"#
        case "Ticker": #""high":43000,"low":41000.5,"bid":42000,"bidVolume":null,"last":42001.25,"change":-1.5e2"#
        case "Trade": #""tradesInfo":[[0,42000.1,0.25,1702305541000],[1,42000,1,1702305542000]]"#
        case "EveryType":
            #""high":5,"low":4.0,"exact":"0.10","note":"n\u00e9","isFinal":true,"info":{"a":[1,"x",null]},"levels":[[1,2]]"#
        default: #""poolASize":"1234567890123456789012345.678","poolBSize":42,"exchangeRate":"1e-18""#
        }
    }
}
