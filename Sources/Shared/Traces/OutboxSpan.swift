public import ProgramRuntime

/// How long a sampled event was in the outbox: a span from its transaction to the broker's confirm. Fixed in size but for what is shared.
public struct OutboxSpan: Sendable, Equatable {
    /// The event's own trace, and the span that it came from.
    public let parent: SampledTrace
    /// Milliseconds since 1970.
    public let createdAt: Int64
    public let confirmedAt: Int64
    /// The row's id, which is the message's.
    public let id: Int64
    public let market: Int32
    public let kind: String
    public let attempt: Int32
    public let isPossiblyRedelivered: Bool

    public init(
        parent: SampledTrace, createdAt: Int64, confirmedAt: Int64, id: Int64, market: Int32, kind: String,
        attempt: Int32, isPossiblyRedelivered: Bool
    ) {
        self.parent = parent
        self.createdAt = createdAt
        self.confirmedAt = confirmedAt
        self.id = id
        self.market = market
        self.kind = kind
        self.attempt = attempt
        self.isPossiblyRedelivered = isPossiblyRedelivered
    }

    /// A trace that was finished long ago is not added to, because collectors decide about it and forget it: then this is the root of a new one
    /// that is linked to it.
    var isLate: Bool { confirmedAt - createdAt > 60_000 }
}
