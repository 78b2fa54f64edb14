import AMQP
import TestSupport

/// What one round does. The same seed gives the same plan, where the same faults can be made.
struct ChaosPlan: Equatable, Sendable {
    let seed: UInt64
    var writers: Int
    var relays: Int
    let markets: Int
    /// Messages a second.
    let rate: Int
    /// Half of the messages are no candles.
    let hasAllKinds: Bool
    /// The queues of the input and the output are quorum queues.
    let usesQuorumQueues: Bool
    /// After how many returns the queues of the input drop a message; nil: as the broker does by itself.
    let deliveryLimit: Int64?
    let faults: [FaultKind]

    /// - Parameters:
    ///   - kinds: the faults to choose from; not empty.
    ///   - count: how many faults the round has.
    ///   - queues: of which type they are; nil: as the seed says.
    ///   - deliveryLimit: of quorum queues.
    init(
        seed: UInt64, kinds: [FaultKind], count: Int, queues: QueueDeclaration.QueueType? = nil,
        deliveryLimit: Int64? = nil
    ) {
        var generator = SeededGenerator(seed: seed)
        self.seed = seed
        writers = Int.random(in: 1...3, using: &generator)
        relays = Int.random(in: 1...3, using: &generator)
        markets = [1, 7, 64].randomElement(using: &generator)!
        // Of one market and kind one message is under way at a time: more would only wait.
        rate = Int.random(in: markets == 1 ? 100...250 : 300...900, using: &generator)
        hasAllKinds = Bool.random(using: &generator)
        let isQuorumBySeed = Int.random(in: 0..<3, using: &generator) == 0
        usesQuorumQueues = queues.map { $0 == .quorum } ?? isQuorumBySeed
        self.deliveryLimit = usesQuorumQueues ? deliveryLimit : nil
        faults = Self.choose(count, of: kinds, &generator)
    }

    /// Each kind once before one comes a second time, so that a round as long as the list has them all.
    private static func choose(
        _ count: Int, of kinds: [FaultKind], _ generator: inout SeededGenerator
    ) -> [FaultKind] {
        var chosen: [FaultKind] = []
        while chosen.count < count { chosen += kinds.shuffled(using: &generator).prefix(count - chosen.count) }
        return chosen
    }
}
