import Records

/// What became of the messages of a batch, as committed.
struct StoreResult: Sendable, Equatable {
    /// Counts for each kind, indexed as ``RecordKind/all``.
    var stored = [Int](repeating: 0, count: RecordKind.all.count)
    var duplicateSame = [Int](repeating: 0, count: RecordKind.all.count)
    var duplicateOther = [Int](repeating: 0, count: RecordKind.all.count)
    var quarantined: [Refusal.Reason: Int] = [:]

    var storedCount: Int { stored.reduce(0, +) }
    var duplicateOtherCount: Int { duplicateOther.reduce(0, +) }
    var duplicateCount: Int { duplicateSame.reduce(0, +) + duplicateOtherCount }
    var quarantinedCount: Int { quarantined.values.reduce(0, +) }

    /// Every message that was received is exactly one of the three.
    var receivedCount: Int { storedCount + duplicateCount + quarantinedCount }

    static func += (left: inout StoreResult, right: StoreResult) {
        for kind in left.stored.indices {
            left.stored[kind] += right.stored[kind]
            left.duplicateSame[kind] += right.duplicateSame[kind]
            left.duplicateOther[kind] += right.duplicateOther[kind]
        }
        left.quarantined.merge(right.quarantined, uniquingKeysWith: +)
    }
}
