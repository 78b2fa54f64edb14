import Records

/// What part of the lanes a relay should have: all relays the same number, give or take one.
struct LaneShare: Sendable, Equatable {
    /// How many relays there are, this one included.
    let relays: Int
    /// How many of them come before this one in an order that all agree on.
    let rank: Int

    /// The lanes that this relay should have. Over all ranks the sum is the number of lanes.
    var target: Int {
        guard relays > 0 else { return Lane.count }
        return Lane.count / relays + (rank < Lane.count % relays ? 1 : 0)
    }
}
