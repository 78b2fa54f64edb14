import TestSupport

@testable import Records

/// Messages that are nearly right: a seeded source of them, and the corpus it starts from.
struct MessageMutator {
    var random: SeededGenerator
    private let corpus: [[[UInt8]]]

    /// Those of the program, and one with a field of each type.
    static let kinds = RecordKind.builtIn + [.everyType]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        corpus = Self.kinds.map { kind in Self.messages(of: kind).map { Array($0.utf8) } }
    }

    /// A message for this kind with up to three changes.
    /// - Parameter kind: index into ``kinds``.
    mutating func next(kind: Int) -> [UInt8] {
        var body = pick(corpus[kind])
        for _ in 0..<(random.below(20) == 0 ? 0 : 1 + random.below(3)) where !body.isEmpty { change(&body, kind: kind) }
        return body
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[random.below(elements.count)] }

    private mutating func range(in body: [UInt8], atMost length: Int) -> Range<Int> {
        let start = random.below(body.count)
        return start..<min(body.count, start + 1 + random.below(length))
    }

    private mutating func change(_ body: inout [UInt8], kind: Int) {
        switch random.below(40) {
        case 0: body[random.below(body.count)] ^= 1 << UInt8(random.below(8))
        case 1: body[random.below(body.count)] = UInt8(random.below(256))
        case 2: body.removeSubrange(range(in: body, atMost: 4))
        case 3: body.insert(contentsOf: pick(Self.tokens), at: random.below(body.count + 1))
        case 4: body.insert(contentsOf: body[range(in: body, atMost: 40)], at: random.below(body.count + 1))
        case 5:
            let other = corpus[random.below(3) == 0 ? random.below(corpus.count) : kind]
            body = body[..<random.below(body.count)] + pick(other).suffix(random.below(body.count))
        case 6: body = random.below(2) == 0 ? [0xEF, 0xBB, 0xBF] + body : Array(body.prefix(random.below(body.count)))
        case 7...10: insertMember(&body)
        default: replaceValue(&body)
        }
    }

    private mutating func insertMember(_ body: inout [UInt8]) {
        let braces = body.indices.filter { body[$0] == UInt8(ascii: "{") }
        guard !braces.isEmpty else { return }
        body.insert(contentsOf: pick(Self.members), at: pick(braces) + 1)
    }

    private static let members = [
        #""x":1,"#, #""collectorTraceId":null,"#, #""symbol":"","#, #""market\u0049d":5,"#, #""charts":[],"#,
        #""bids":[],"#, #""high":1,"#,
        #""tradesInfo":[],"#, #""poolASize":1,"#, #""isFinal":false,"#, #""low":7,"#, #""x":1e999,"#, #""payload":{},"#,
        #" "intervalStart" : 0 ,"#,
        #""x":[[[{}]]],"#,
    ].map { Array($0.utf8) }

    /// Puts something else in the place of a number, a string or a literal: what stays JSON is what tests the rules.
    private mutating func replaceValue(_ body: inout [UInt8]) {
        let isPart = { (byte: UInt8) in !Array(" \n,:[]{}".utf8).contains(byte) }
        var place = random.below(body.count)
        while place < body.count, !isPart(body[place]) { place += 1 }
        guard place < body.count else { return }
        let start = (body[..<place].lastIndex { !isPart($0) } ?? -1) + 1
        let end = body[place...].firstIndex { !isPart($0) } ?? body.count
        body.replaceSubrange(start..<end, with: random.below(3) == 0 ? Array(random.decimal().utf8) : pick(Self.tokens))
    }

    private static let tokens: [[UInt8]] = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "\t", "\u{0}", "0", "1", "-", "+", ".", "e", "null",
        "true", "false",
        "\"\"", "\"x\"", "[]", "{}", "[[]]", "[1,2]", "[0,1,2,1,1,0]", "-0", "-1", "1.5", "1e400", "1e-400", "5e-324",
        "1e22", "1e23",
        "9007199254740993", "18446744073709551616", "0.30000000000000004", "123456789012345678901234567890",
        "1702305540000",
        "\"1702305540000\"", "\"2023-12-11T14:39:00Z\"", "2147483648", "\\u0041", "\\u0000", "\\ud83d\\ude00",
        "\\ud800", "é", "😀",
        "\"marketId\"", "\"charts\"", "\"exchange\"", "NaN", "\"NaN\"", "\"1.5\"", "/**/",
    ].map { Array($0.utf8) }

    private static func messages(of kind: RecordKind) -> [String] {
        let extra = #""x" : { "y":[1,"\u00e9\ud83d\ude00",null,true,{}] }, "😀":1e5"#
        let iso =
            #""intervalEnd":"2023-12-11T15:40:00.250+01:00","marketId":1.0e1,"intervalStart":"2023-12-11T14:39:00Z""#
        return variants(of: kind).flatMap { fields in
            [
                message(fields), message(fields, trace: "null"), message("\(extra),\(fields)"),
                message(fields, key: iso),
                #"{"payload": {\#(keyFields) , \#(fields)}, "symbol":"\u0041\/é", "q":[{}], "exchange":""}"#,
            ]
        }
    }

    private static func variants(of kind: RecordKind) -> [String] {
        let more: [String] =
            switch kind.name {
            case "CandleStick":
                [
                    #""charts":[]"#,
                    #""charts":[[1702305540000,1,2,0.5,null,1e3,7],[1702305600000,null,null,null,null,null]]"#,
                ]
            case "OrderBook":
                [#""asks":[],"bids":[]"#, #""bids":[[1,2,3],[0.1,0.2]],"asks":[[1e-7,9007199254740993]]"#]
            case "Ticker": [#""info":1"#, kind.fields.map { #""\#($0.name)":0.1"# }.joined(separator: ",")]
            case "Trade":
                [#""tradesInfo":[]"#, #""tradesInfo":[[1,0.1,0.2,1702305540000,5],null,[null,1,1,1.70230554e12]]"#]
            case "EveryType":
                [
                    #""high":1e2,"exact":null,"note":"","info":0.5,"low":99"#,
                    #""levels":[null,[1,2,3],[null,0]],"isFinal":null,"info":[true],"note":"x","exact":12.50,"high":0.1,"low":0"#,
                ]
            default: [#""poolASize":0.1,"poolBSize":"0","exchangeRate":123456789012345678901234567890"#]
            }
        return [kind.goodFields] + more
    }
}
