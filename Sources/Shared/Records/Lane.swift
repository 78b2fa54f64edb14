/// Lanes split the outbox so that several writers and relays can work on it: a market is always in the same one, and
/// order is kept within it.
public enum Lane {
    /// How many lanes there are. Fixed: rows that were written under another number would lie in the wrong lane.
    public static let count = 16

    /// The lane of a market, 0 ..< ``count``: a multiplicative hash (Knuth, TAOCP 6.4), so that ids that were given
    /// out in steps don't share few lanes.
    public static func of(market: Int32) -> Int {
        Int((UInt32(bitPattern: market) &* 2_654_435_761) >> 28)
    }
}
