import Testing

@testable import Records

@Suite struct PreparedBatchTests {
    /// A batch of these messages, of kinds by index.
    private func batch(_ messages: [(body: String, kind: Int)]) -> PreparedBatch {
        var bytes: [UInt8] = []
        var places: [Range<Int>] = []
        for message in messages {
            let start = bytes.count
            bytes += message.body.utf8
            places.append(start..<bytes.count)
        }
        var batch = PreparedBatch(bytes: bytes, capacity: 2)
        for (index, message) in messages.enumerated() {
            batch.add(body: places[index], kind: message.kind, maximumBytes: 10_000)
        }
        return batch
    }

    private func columns(_ batch: PreparedBatch) -> [[String?]] {
        batch.records.map { record in
            RecordKind.all[record.kind].fields.indices.map { column in
                batch.value(column, of: record).map { String(decoding: $0, as: UTF8.self) }
            }
        }
    }

    /// How many elements each of the batch's arrays of values and text holds.
    private func storage(_ batch: PreparedBatch) -> [String: Int] {
        Mirror(reflecting: batch).children.reduce(into: [:]) { counts, child in
            guard let label = child.label, ["text", "values"].contains(label) else { return }
            counts[label] = (child.value as? any Collection)?.count
        }
    }

    private let good = RecordKind.all.enumerated().map { (body: message($1.goodFields), kind: $0) }

    /// Refused at different depths, after more or less was written.
    private let bad: [(body: String, kind: Int)] = [
        ("", 0), ("{", 1), (candles("[\(candle),[0,1]]"), 0), (candles("[\(candle)]") + "x", 0),
        (message(#""bids":[[1,2],[3,4,5],[6]],"asks":[]"#), 1), (message(#""high":1,"low":2,"bid":"x""#), 2),
        (message(#""tradesInfo":[[0,1,1,0]]"#, key: #""marketId":5"#), 3),
        (message(#""poolASize":1,"poolBSize":2,"exchangeRate":"x""#), 4),
        (candles("[" + String(repeating: " ", count: 10_000) + "]"), 0),
    ]

    @Test func `a refused message leaves no trace in its neighbours`() {
        let expected = columns(batch(good))
        #expect(expected.allSatisfy { $0.contains { $0 != nil } })
        for bad in bad {
            let mixed = batch([bad] + good.flatMap { [$0, bad] })
            #expect(columns(mixed) == expected, "\(bad.body)")
            #expect(storage(mixed) == storage(batch(good)))
            #expect(mixed.records.map(\.message) == [1, 3, 5, 7, 9])
            #expect(mixed.refused.map(\.message) == [0, 2, 4, 6, 8, 10])
        }
    }

    @Test func `every message ends as one of two`() {
        let batch = batch(good + bad + good)
        #expect((batch.records.map(\.message) + batch.refused.map(\.message)).sorted() == Array(0..<19))
    }

    @Test func `a refusal names the market if it could be read`() {
        let key = #""marketId":5,"intervalStart":1,"intervalEnd":0"#
        let refused = batch([(message(#""charts":[]"#, key: key), 0), (#"{"payload":{"charts":1,"marketId":5}}"#, 0)])
            .refused
        #expect(refused.map(\.market) == [5, nil])
    }

    @Test(arguments: [
        ("", 0), ("[]", 0), ("{", 1), (#"{"exchange":7}"#, 12), (#"{"exchange" 7}"#, 12), ("{}", 2),
    ])
    func `the byte that decoding stopped at is known`(body: String, byte: Int) {
        #expect(batch([(body, 0)]).refused.first?.stoppedAt == byte)
    }

    @Test func `what can be decoded did not stop anywhere`() {
        var batch = batch(Array(good.prefix(1)))
        batch.refuse { _ in Refusal(.unknownMarket, "") }
        #expect(batch.refused.count == 1 && batch.refused[0].stoppedAt == nil)
    }

    @Test func `refuse moves records and no others`() {
        var batch = batch(good)
        let before = columns(batch)
        let nothing = Refusal(.unknownMarket, "")
        batch.refuse { $0.message == 9 ? nothing : nil }
        #expect(batch.records.count == 5 && batch.refused.isEmpty)
        batch.refuse {
            $0.message % 2 == 1 ? Refusal(.unknownMarket, "no market has id \($0.key.market)") : nil
        }
        #expect(batch.records.map(\.message) == [0, 2, 4])
        #expect(batch.refused.map(\.message) == [1, 3])
        #expect(batch.refused.map(\.market) == [69, 69])
        #expect(batch.refused[0].refusal.detail == "no market has id 69")
        #expect(columns(batch) == [before[0], before[2], before[4]])
    }

    @Test func `keys sort by market, start, end`() {
        let keys = [(1, 0, 9), (1, 1, 2), (1, 1, 3), (2, -5, 0), (2, 0, 1)].map {
            RecordKey(market: Int32($0.0), intervalStart: Int64($0.1), intervalEnd: Int64($0.2))
        }
        for (first, left) in keys.enumerated() {
            for (second, right) in keys.enumerated() { #expect((left < right) == (first < second)) }
        }
        #expect(Set(keys + keys).count == keys.count)
    }
}
