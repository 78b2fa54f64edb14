import TestSupport

/// What one round does. The same seed gives the same plan.
struct ChaosPlan: Equatable, Sendable {
    let seed: UInt64
    var writers: Int
    var relays: Int
    let markets: Int
    /// Messages a second.
    let rate: Int
    let faults: [FaultKind]

    /// - Parameters:
    ///   - kinds: the faults to choose from; not empty.
    ///   - count: how many faults the round has.
    init(seed: UInt64, kinds: [FaultKind], count: Int) {
        var generator = SeededGenerator(seed: seed)
        self.seed = seed
        writers = Int.random(in: 1...3, using: &generator)
        relays = Int.random(in: 1...3, using: &generator)
        markets = [1, 7, 64].randomElement(using: &generator)!
        rate = Int.random(in: 300...900, using: &generator)
        faults = (0..<count).map { _ in kinds.randomElement(using: &generator)! }
    }
}
