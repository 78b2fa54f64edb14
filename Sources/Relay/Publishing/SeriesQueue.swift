/// The rows of one market and kind in a lane, by their ordinals: which of them comes next, and whether it may leave.
///
/// As many as `limit` may be on their way. When the broker refuses one, none leaves until all that is on its way is settled;
/// then everything goes out again from the refused one on, so that whoever takes what follows the chain misses nothing.
struct SeriesQueue {
    /// The first row that did not leave, and how many there are from it on.
    var next: Int?
    var waiting = 0
    /// The last row that was read.
    var last: Int?
    var inFlight = 0
    /// The first row that was refused while others were on their way.
    var back: Int?
    /// The announcement that the next one follows; nil if it begins a chain: then all before it must be settled.
    var previousID: Int64?
    /// Whether ``next`` is among the lane's ready rows.
    var isQueued = false

    /// How many rows may leave now.
    func leavable(limit: Int) -> Int {
        guard back == nil, previousID != nil || inFlight == 0 else { return 0 }
        return max(0, min(limit - inFlight, waiting))
    }

    mutating func append(_ ordinal: Int) {
        next = next ?? ordinal
        last = ordinal
        waiting += 1
    }

    /// The next row leaves.
    mutating func leave(_ id: Int64, following: Int?) {
        next = following
        waiting -= 1
        inFlight += 1
        previousID = id
        isQueued = false
    }

    /// The broker did not take a row that was on its way.
    mutating func refused(_ ordinal: Int) {
        inFlight -= 1
        back = min(back ?? ordinal, ordinal)
    }
}
