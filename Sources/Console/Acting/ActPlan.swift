import Candlepost
import Outbox
import Postgres
import ProgramRuntime
import Quarantine

/// What can be done here.
enum ActKind: String, CaseIterable, Sendable {
    case replay, retry, discard, supersede, requeue, giveUp

    var title: String {
        switch self {
        case .replay: "Replay events"
        case .retry: "Retry parked rows"
        case .discard: "Discard parked rows"
        case .supersede: "Supersede pending rows"
        case .requeue: "Requeue messages of the quarantine"
        case .giveUp: "Discard messages of the quarantine"
        }
    }

    /// What it does, in a sentence.
    var sentence: String {
        switch self {
        case .replay:
            "Publishes these rows again, with the same bytes and the same message_id, in the order of their ids."
        case .retry: "Publishes these parked rows once more, one at a time."
        case .discard: "Gives these parked rows up: they stay, and count as superseded."
        case .supersede:
            "Of the pending rows of a market and kind the newest stays; these older ones are then not announced. They can be replayed."
        case .requeue: "Tries these messages again: what can be a record by now is stored and announced as usual."
        case .giveUp: "Gives these messages up: they stay, and count as resolved."
        }
    }

    /// The command without its selection.
    var command: String {
        switch self {
        case .replay: "relay replay"
        case .retry: "relay parked retry"
        case .discard: "relay parked discard"
        case .supersede: "relay supersede"
        case .requeue: "writer quarantine requeue"
        case .giveUp: "writer quarantine discard"
        }
    }

    var publishes: Bool { self == .replay || self == .retry }
    var isFinal: Bool { self == .discard || self == .giveUp || self == .supersede }
    var isOfQuarantine: Bool { self == .requeue || self == .giveUp }
    var unit: String { isOfQuarantine ? "messages" : "rows" }

    var place: Page.Place {
        switch self {
        case .replay, .supersede: .events
        case .retry, .discard: .parked
        case .requeue, .giveUp: .quarantine
        }
    }
}

/// An act that was counted and shown, and waits for its reason. Its selection is frozen: it has fixed times, and if the rows that it
/// names are no longer as many, it is not done.
struct ActPlan: Sendable {
    /// From this many rows on the number has to be typed.
    static let many = 1000
    static let lifetime = Duration.seconds(3600)

    let id: String
    let kind: ActKind
    /// Who counted; nobody else can do it.
    let name: String
    /// The selection as fields, with fixed times.
    let fields: FormFields
    let count: Int
    /// The first of the rows.
    let sample: [[ListingValue]]
    /// Messages a second, of what publishes.
    let rate: Int
    let end: ContinuousClock.Instant

    /// The command that does the same.
    var command: String {
        let rate = kind == .replay ? " --rate \(rate)" : ""
        return Command.line(kind.command, fields) + rate + " --yes --reason '…'"
    }
}

/// Counts what an act would be about, and freezes it.
enum ActCount {
    private static let shown = 20

    static func plan(
        _ kind: ActKind, _ fields: FormFields, by name: String, on connection: PostgresConnection
    ) async throws -> ActPlan {
        let rate = max(0, min(100_000, Int(fields.integer("rate") ?? 500)))
        let (frozen, count, sample) =
            kind.isOfQuarantine
            ? try await messages(fields, connection) : try await rows(kind, fields, connection)
        return ActPlan(
            id: Sessions.random(), kind: kind, name: name, fields: frozen, count: count, sample: sample, rate: rate,
            end: .now + ActPlan.lifetime)
    }

    private static func rows(
        _ kind: ActKind, _ fields: FormFields, _ connection: PostgresConnection
    ) async throws -> (FormFields, Int, [[ListingValue]]) {
        var filter = try Filters.outbox(fields)
        try await filter.requireMarkets(connection)
        guard !filter.words.isEmpty else {
            throw PageError.wrong("Which rows? Give at least one of id, market, symbol, since and the others.")
        }
        // Whatever comes from now on is not meant.
        if filter.until == nil, filter.id.isEmpty {
            filter.until = try await connection.execute(
                "SELECT \(utc("clock_timestamp()", "YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\""))")[0].text(0)
        }
        let fixed = try await filter.withFixedTimes(connection)
        let cursor = try await Self.cursor(kind, fixed, connection)
        let first = try await cursor.next(shown)
        try await cursor.close()
        var sample: [[ListingValue]] = []
        if !first.isEmpty {
            var ids = FormFields()
            for row in first { ids.append("id", "\(row.id)") }
            let reader = AuditReader(connection: connection)
            _ = try await reader.readSome(
                try await reader.resolve(try Filters.outbox(ids)), limit: shown, below: nil, within: .seconds(5)
            ) { rows throws(PostgresError) in
                sample += try rows.map { row throws(PostgresError) in try EventsPage.values(row) }.reversed()
            }
        }
        return (fixed.fields, cursor.count, sample)
    }

    /// The rows of an act, whatever it is.
    static func cursor(
        _ kind: ActKind, _ filter: OutboxFilter, _ connection: PostgresConnection
    ) async throws -> RowCursor {
        switch kind {
        case .supersede:
            try filter.allow(.pending)
            return try await Supersede.rows(filter, on: connection)
        case .retry, .discard:
            try filter.allow(.parked)
            return try await RowCursor.open(try filter.selection(), from: .parked, on: connection)
        default:
            try filter.allow(.published, .superseded)
            var selection = try filter.selection()
            selection.add("state IN ('published', 'superseded')")
            return try await RowCursor.open(selection, on: connection)
        }
    }

    private static func messages(
        _ fields: FormFields, _ connection: PostgresConnection
    ) async throws -> (FormFields, Int, [[ListingValue]]) {
        let filter = try Filters.quarantine(fields)
        guard !filter.isEmpty || fields["all"] != nil else {
            throw PageError.wrong("Which messages? Give at least one of id, refused, queue, market, since, or all.")
        }
        var frozen = fields.kept(["id", "refused", "queue", "market", "since", "until", "all"])
        if filter.until == nil, filter.id.isEmpty {
            let now = try await connection.execute(
                "SELECT \(utc("clock_timestamp()", "YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\""))")[0].text(0)
            frozen = frozen.with("until", now)
        }
        let ids = try await Self.ids(frozen, connection)
        let rows = try await connection.execute(
            """
            SELECT id, queue, reason, detail, received_at::text FROM quarantine
            WHERE id = ANY($1) ORDER BY id LIMIT \(shown)
            """, [.array(ids.prefix(shown))])
        let sample = try rows.map { row throws(PostgresError) in
            [
                ListingValue.integer(try row.int8(0)), .text(try row.text(1)), .text(try row.text(2)),
                .text(try row.text(3)), .text(try row.text(4)),
            ]
        }
        return (frozen, ids.count, sample)
    }

    /// The open messages of a selection, a million at most.
    static func ids(_ fields: FormFields, _ connection: PostgresConnection) async throws -> [Int64] {
        let selection = try Filters.quarantine(fields).selection(openOnly: true)
        let rows = try await connection.execute(
            "SELECT id FROM quarantine \(selection.clause) ORDER BY id LIMIT 1000000", selection.parameters)
        return try rows.map { row throws(PostgresError) in try row.int8(0) }
    }
}

extension OutboxFilter {
    /// As fields of a form.
    fileprivate var fields: FormFields {
        var fields = FormFields()
        let words = words
        for place in stride(from: 0, to: words.count - 1, by: 2) {
            fields.append(String(words[place].dropFirst(2)), words[place + 1])
        }
        return fields
    }
}
