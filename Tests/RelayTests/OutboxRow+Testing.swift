@testable import Outbox
@testable import Postgres
@testable import Relay

extension OutboxRow {
    /// A row whose answer is all NULLs, as the window needs no more.
    static func make(
        _ id: Int64, market: Int32 = 1, kind: Int = 0, bytes: Int = 100, createdAt: Int64 = 0
    ) -> OutboxRow {
        let columns = Array(repeating: "", count: 9)
        let nothing = Rows(
            count: 1, columnNames: columns, commandTag: "", affectedRows: 0, arena: [], ends: columns.map { _ in -1 })
        return OutboxRow(
            id: id, series: Series(market: market, kind: Kind(number: kind)), createdAt: createdAt,
            isPossiblyRedelivered: false, attempt: 1, bodyBytes: bytes, answer: OutboxAnswer(nothing), position: 0)
    }
}

extension LaneLedger.Claim {
    /// A lane that was left in good order, unless told otherwise.
    static func make(_ lane: Int = 0, recordedUpTo: Int64 = 0, isUnclean: Bool = false, at time: Int64 = 0) -> Self {
        Self(lane: lane, recordedUpTo: recordedUpTo, isUnclean: isUnclean, claimedAt: time)
    }
}

extension OwnedLane {
    convenience init(recordedUpTo: Int64, unconfirmedPerMarket: Int = 1) {
        self.init(.make(recordedUpTo: recordedUpTo), unconfirmedPerMarket: unconfirmedPerMarket)
    }

    /// The ordinals that leave, one after the other, as long as any may.
    func publishAll() -> [Int] {
        var left: [Int] = []
        while mayLeave(isDraining: false) { left.append(publishFirstReady(at: .now)) }
        return left
    }

    /// What stands in `x-previous-id`.
    func previousIDs(_ ordinals: Range<Int>) -> [Int64?] { ordinals.map { self[$0].previousID } }
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
