@testable import Outbox
@testable import Postgres
@testable import Relay

extension OutboxRow {
    /// A row without an answer behind it, as the window needs no more.
    static func make(_ id: Int64, market: Int32 = 1, kind: Int = 0, bytes: Int = 100) -> OutboxRow {
        let nothing = Rows(count: 0, columnNames: [], commandTag: "", affectedRows: 0, arena: [], ends: [])
        return OutboxRow(
            id: id, series: Series(market: market, kind: Kind(number: kind)), createdAt: 0,
            isPossiblyRedelivered: false, attempt: 1, bodyBytes: bytes, answer: OutboxAnswer(nothing), position: 0)
    }
}

/// Random numbers that a seed repeats (Steele, Lea, Flood: SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
