/// The rows that may have been published although the ledger does not say so: the first of each lane that was taken from
/// an owner who did not stop in good order.
struct SuspectRows {
    private struct Suspicion {
        /// No owner publishes further ahead of its ledger than its window.
        var remaining: Int
        let claimedAt: Int64
    }

    private var lanes: [Int: Suspicion] = [:]

    /// - Parameter window: the most rows that an owner may have published beyond the ledger.
    mutating func take(_ claim: LaneLedger.Claim, window: Int) {
        guard claim.isUnclean else { return }
        lanes[claim.lane] = Suspicion(remaining: window, claimedAt: claim.claimedAt)
    }

    /// The lane was read to its end: what comes later was committed after the claim.
    mutating func wasReadToItsEnd(lane: Int) { lanes[lane] = nil }

    /// Whether rows of the lane may be suspect that were not read yet.
    func isSuspect(lane: Int) -> Bool { lanes[lane] != nil }

    mutating func leave(_ left: [Int]) { for lane in left { lanes[lane] = nil } }

    /// Whether the next row of the lane may have been published before.
    mutating func isSuspect(lane: Int, createdAt: Int64) -> Bool {
        guard let suspicion = lanes[lane] else { return false }
        guard suspicion.remaining > 0, createdAt <= suspicion.claimedAt else {
            lanes[lane] = nil
            return false
        }
        lanes[lane]?.remaining -= 1
        return true
    }
}
