package import Records

/// What became of the messages of a batch, as committed.
package struct StoreResult: Sendable, Equatable {
    /// Counts for each kind, indexed as ``RecordKind/all``, as many as there were when the result began: those of a batch that
    /// was decoded before are among them.
    package var stored = [Int](repeating: 0, count: RecordKind.all.count)
    /// Records that replaced one that was stored.
    package var revised = [Int](repeating: 0, count: RecordKind.all.count)
    package var duplicateSame = [Int](repeating: 0, count: RecordKind.all.count)
    package var duplicateOther = [Int](repeating: 0, count: RecordKind.all.count)
    package var quarantined: [Refusal.Reason: Int] = [:]

    package init() {}

    package var storedCount: Int { stored.reduce(0, +) }
    package var revisedCount: Int { revised.reduce(0, +) }
    package var duplicateOtherCount: Int { duplicateOther.reduce(0, +) }
    package var duplicateCount: Int { duplicateSame.reduce(0, +) + duplicateOtherCount }
    package var quarantinedCount: Int { quarantined.values.reduce(0, +) }

    /// Records that are announced.
    package var announcedCount: Int { storedCount + revisedCount }

    /// Every message that was received is exactly one of the four.
    package var receivedCount: Int { announcedCount + duplicateCount + quarantinedCount }

    package static func += (left: inout StoreResult, right: StoreResult) {
        for kind in left.stored.indices {
            left.stored[kind] += right.stored[kind]
            left.revised[kind] += right.revised[kind]
            left.duplicateSame[kind] += right.duplicateSame[kind]
            left.duplicateOther[kind] += right.duplicateOther[kind]
        }
        left.quarantined.merge(right.quarantined, uniquingKeysWith: +)
    }
}
