/// Who gives up a place when a connection comes and there is none left.
///
/// Programs of this machine have places of their own, which nobody else can take: their probes are always answered. Of
/// the others none has more than a few. Nobody is turned away at the door; whoever has had the most time leaves: first
/// those who have their answer, then those who have not sent a complete head, then those who don't read theirs.
struct HTTPPlaces {
    /// How far a connection is.
    enum Stage: Int {
        /// Has its answer.
        case answered
        /// Has not sent a complete head.
        case asking
        /// Has not taken all of its answer.
        case reading
    }

    /// A connection that has a place.
    struct Guest {
        let peer: HTTPPeer
        let stage: Stage
    }

    /// Places for programs of this machine: so many that a probe has its turn before a crowd of 10,000 has taken them all.
    static let local = 384
    /// Places for those of other machines, and how many of them one machine may have.
    static let remote = 256
    static let perPeer = 32

    /// Who leaves for a newcomer.
    /// - Parameters:
    ///   - guests: In the order in which they came.
    ///   - mustLeave: Whether one has to leave in any case, because descriptors are short.
    /// - Returns: The place in `guests`; nil if nobody has to leave, or nobody is there.
    static func leaving(for newcomer: HTTPPeer, among guests: [Guest], mustLeave: Bool = false) -> Int? {
        let pool = guests.count { $0.peer.isLoopback == newcomer.isLoopback }
        if !newcomer.isLoopback, guests.count(where: { $0.peer == newcomer }) >= perPeer {
            return first(of: guests) { $0 == newcomer }
        }
        if pool >= (newcomer.isLoopback ? local : remote) {
            guard !newcomer.isLoopback else { return first(of: guests, where: \.isLoopback) }
            let largest = largestPeer(guests)
            return first(of: guests) { $0 == largest }
        }
        guard mustLeave else { return nil }
        return first(of: guests) { !$0.isLoopback } ?? (newcomer.isLoopback ? first(of: guests) { $0.isLoopback } : nil)
    }

    /// The peer of another machine that has the most places; of several, the one that came first.
    private static func largestPeer(_ guests: [Guest]) -> HTTPPeer? {
        var counts: [HTTPPeer: Int] = [:]
        for guest in guests where !guest.peer.isLoopback { counts[guest.peer, default: 0] += 1 }
        let most = counts.values.max()
        return guests.first { counts[$0.peer] == most }?.peer
    }

    /// The first one of the stage that leaves first.
    private static func first(of guests: [Guest], where isMeant: (HTTPPeer) -> Bool) -> Int? {
        var found: Int?
        for place in guests.indices where isMeant(guests[place].peer) {
            if let best = found, guests[best].stage.rawValue <= guests[place].stage.rawValue { continue }
            found = place
        }
        return found
    }
}
