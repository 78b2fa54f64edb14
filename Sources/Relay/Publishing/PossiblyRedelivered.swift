import Outbox

/// Rows that the owner before may have published although the ledger does not say so: it did not stop in good order.
struct PossiblyRedelivered {
    /// No owner publishes further ahead of its ledger than its window, whatever its settings.
    private var remaining = RelaySettings.windowSizes.upperBound
    private let claimedAt: Int64

    init(claimedAt: Int64) { self.claimedAt = claimedAt }

    /// Whether it includes the next row.
    mutating func includes(_ row: OutboxRow) -> Bool {
        remaining -= 1
        return remaining >= 0 && row.createdAt <= claimedAt
    }
}
