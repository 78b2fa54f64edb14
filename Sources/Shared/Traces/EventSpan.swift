public import ProgramRuntime

/// What one program did with a sampled event: a span, its moments being its events.
public struct EventSpan: Sendable {
    /// Milliseconds since 1970.
    struct Moment {
        let name: String
        let time: Int64
    }

    enum Value {
        case text(String)
        case number(Int64)
        case flag(Bool)
    }

    /// As OpenTelemetry numbers them.
    enum Role: UInt64 {
        case `internal` = 1
        case consumer = 5
    }

    let name: String
    let role: Role
    /// The event's own trace, and the span that it came from.
    let parent: SampledTrace
    /// In the order of time, two at least. The first begins the span, and the last ends it.
    let moments: [Moment]
    let attributes: [(key: String, value: Value)]

    private init(
        _ name: String, _ role: Role, parent: SampledTrace, moments: [(String, Int64)],
        attributes: [(key: String, value: Value)]
    ) {
        (self.name, self.role, self.parent, self.attributes) = (name, role, parent, attributes)
        // Where clocks differ: no time runs backwards.
        var latest = moments[0].1
        self.moments = moments.map { name, time in
            latest = max(latest, time)
            return Moment(name: name, time: latest)
        }
    }

    /// The writer's: from a message's arrival to the end of its transaction.
    /// - Parameters:
    ///   - outcome: what became of the message: stored, revised, duplicate or quarantined.
    ///   - receivedAt: milliseconds since 1970, as `committedAt`.
    public static func processed(
        of queue: String, parent: SampledTrace, kind: String, market: Int32?, outcome: String, receivedAt: Int64,
        committedAt: Int64
    ) -> EventSpan {
        var attributes: [(key: String, value: Value)] = [
            ("messaging.system", .text("rabbitmq")), ("messaging.operation.name", .text("process")),
            ("messaging.destination.name", .text(queue)), ("candlepost.kind", .text(kind)),
            ("candlepost.outcome", .text(outcome)),
        ]
        if let market { attributes.append(("candlepost.market", .number(Int64(market)))) }
        return EventSpan(
            "process \(queue)", .consumer, parent: parent,
            moments: [("received", receivedAt), ("committed", committedAt)], attributes: attributes)
    }

    /// The relay's: from the event's transaction to the broker's confirm.
    /// - Parameters:
    ///   - id: the row's, which is the message's.
    ///   - createdAt: milliseconds since 1970, as `publishedAt` and `confirmedAt`.
    public static func outbox(
        to queue: String, parent: SampledTrace, id: Int64, kind: String, market: Int32, attempt: Int32,
        isPossiblyRedelivered: Bool, createdAt: Int64, publishedAt: Int64, confirmedAt: Int64
    ) -> EventSpan {
        var attributes: [(key: String, value: Value)] = [
            ("messaging.system", .text("rabbitmq")), ("messaging.destination.name", .text(queue)),
            ("messaging.message.id", .text("\(id)")), ("candlepost.kind", .text(kind)),
            ("candlepost.market", .number(Int64(market))), ("candlepost.attempt", .number(Int64(attempt))),
        ]
        if isPossiblyRedelivered { attributes.append(("candlepost.possibly_redelivered", .flag(true))) }
        return EventSpan(
            "outbox", .internal, parent: parent,
            moments: [("committed", createdAt), ("published", publishedAt), ("confirmed", confirmedAt)],
            attributes: attributes)
    }

    var start: Int64 { moments[0].time }
    var end: Int64 { moments[moments.count - 1].time }

    /// A trace that was finished long ago is not added to, because collectors decide about it and forget it: then this is the root of a new one
    /// that is linked to it.
    var isLate: Bool { end - start > 60_000 }
}
