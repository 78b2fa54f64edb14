/// How many messages of a market and kind may be unconfirmed: one after a refusal, until the broker has shown for a while that it
/// refuses none. Each refusal has everything behind it sent again, which a full queue must not cost all the time. No I/O, no clock.
struct UnconfirmedLimit {
    private let most: Int
    private let trust: Int
    /// Confirms since the last refusal.
    private var confirms: Int

    /// - Parameters:
    ///   - most: how many may be unconfirmed at best.
    ///   - isTrusted: whether to begin with as many, or with one.
    ///   - trust: after so many confirms in a row, of all markets, the broker is trusted again.
    init(most: Int, isTrusted: Bool = true, trust: Int = 10_000) {
        self.most = most
        self.trust = trust
        confirms = isTrusted ? trust : 0
    }

    var current: Int { confirms >= trust ? most : 1 }

    mutating func confirmed(_ count: Int) { confirms = min(trust, confirms + count) }
    mutating func refused() { confirms = 0 }
}
