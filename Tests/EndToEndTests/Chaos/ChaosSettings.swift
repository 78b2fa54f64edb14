import AMQP
import Glibc

/// What scripts/chaos says by environment variables.
struct ChaosSettings {
    let seed = Self.number("CHAOS_SEED") ?? 1
    let rounds = Int(Self.number("CHAOS_ROUNDS") ?? 1)
    let minutes = Int(Self.number("CHAOS_MINUTES") ?? 600)
    let faultsPerRound = Int(Self.number("CHAOS_FAULTS") ?? 5)
    /// Where each round adds a line, and where the summary of all lines there goes.
    let summary = Self.text("CHAOS_SUMMARY")
    let report = Self.text("CHAOS_REPORT")
    /// Of which type queues are; nil: as the seed says.
    let queues: QueueDeclaration.QueueType?
    /// After how many returns the queues of the input drop a message.
    let deliveryLimit: Int64?
    /// The quick kinds, shared out over the rounds so that each occurs once.
    let isSlice: Bool
    private let kinds: [FaultKind]
    /// What cannot be made on this machine, and what it wants.
    let omitted: [(FaultKind, String)]
    /// How many there are in each round; nil: as the seed says.
    let writers = Self.number("CHAOS_WRITERS").map(Int.init)
    let relays = Self.number("CHAOS_RELAYS").map(Int.init)

    /// For how long a round waits for what must go on by itself.
    static let patience = Duration.seconds(number("CHAOS_PATIENCE") ?? 120)

    /// Where the programs of another version are.
    static var previousPrograms: String? { text("CHAOS_PREVIOUS") }

    static var isWanted: Bool { number("CHAOS_SEED") != nil }

    /// The servers and their versions; nil if that is not known.
    static var servers: String? { text("CHAOS_SERVERS").flatMap { $0.isEmpty ? nil : $0 } }

    /// The commit of the source; nil if that is not known.
    static var commit: String? { text("CHAOS_COMMIT").flatMap { $0.isEmpty ? nil : $0 } }

    init() {
        let names = (Self.text("CHAOS_ONLY") ?? "").split(separator: ",").map(String.init)
        isSlice = names == ["slice"]
        let isLimited = names == ["limited"]
        deliveryLimit = isLimited ? 3 : nil
        queues = isLimited ? .quorum : Self.text("CHAOS_QUEUES").flatMap(QueueDeclaration.QueueType.init)
        let wanted =
            switch names {
            case []: FaultKind.allCases
            case ["slice"]: FaultKind.allCases.filter(\.isQuick)
            case ["graceful"]: FaultKind.allCases.filter(\.isGraceful)
            case ["limited"]: FaultKind.allCases.filter(\.returnsMessages)
            default: names.compactMap(FaultKind.init)
            }
        kinds = wanted.filter { $0.hindrance == nil }
        omitted = wanted.compactMap { kind in kind.hindrance.map { (kind, $0) } }
    }

    /// The faults that a round chooses from.
    func kinds(inRound round: Int) -> [FaultKind] {
        guard isSlice else { return kinds }
        return kinds.indices.filter { $0 % rounds == round }.map { kinds[$0] }
    }

    private static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    private static func number(_ name: String) -> UInt64? { text(name).flatMap(UInt64.init) }
}
