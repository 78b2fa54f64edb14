/// What is known of a kind of fault before it is injected.
struct FaultTraits: Sendable {
    /// How much may be published a second time because of it.
    enum Repeats: Sendable, Equatable {
        case nothing
        /// So many times a window: as many relays may lose what they had on the way.
        case windows(Int)
        /// Every relay may, so many times.
        case eachRelay(Int)
    }

    /// Rows of the matrix in docs/faults.md.
    let rows: [Int]
    /// What is done.
    let summary: String
    var repeats = Repeats.nothing
    /// Whether messages may come to the writer in another order than they were sent in.
    var mixesArrival = false
    /// Whether the broker may repeat to the gateway what it had acknowledged.
    var hitsGateway = false
    /// Whether the programs have to be connected by way of the proxies.
    var needsProxies = false

    init(
        _ rows: [Int], _ summary: String, repeats: Repeats = .nothing, mixesArrival: Bool = false,
        hitsGateway: Bool = false, needsProxies: Bool = false
    ) {
        (self.rows, self.summary, self.repeats) = (rows, summary, repeats)
        (self.mixesArrival, self.hitsGateway, self.needsProxies) = (mixesArrival, hitsGateway, needsProxies)
    }

    /// How many times a window it may repeat.
    func windows(relays: Int) -> Int {
        switch repeats {
        case .nothing: 0
        case .windows(let count): count
        case .eachRelay(let times): times * relays
        }
    }
}
