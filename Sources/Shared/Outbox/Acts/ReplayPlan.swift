import ArgumentParser
import Candlepost
package import Postgres
import ProgramRuntime

/// Which rows a replay is about: those of a selection, or those that an interrupted act has left.
package struct ReplayPlan: Sendable {
    /// Makes the record, once it is sure that the act is to be done.
    package typealias Begin = @Sendable () async throws -> ActRecord

    private static let state = "state IN ('published', 'superseded')"

    private let rows: LimitedFilter
    private let continued: Int64?
    private let reason: String?
    private let actor: String

    /// - Parameter actor: who does it.
    package init(
        rows: LimitedFilter, continued: Int64? = nil, reason: String? = nil, by actor: String = Program.operatorName
    ) {
        self.rows = rows
        self.continued = continued
        self.reason = reason
        self.actor = actor
    }

    /// Chooses the rows.
    /// - Parameter say: gets how many they are, in words.
    /// - Throws: ``CommandExit`` if an act can't be continued.
    package func open(
        _ connection: PostgresConnection, say: (String) -> Void = { _ in }
    ) async throws -> (cursor: RowCursor, begin: Begin) {
        if let continued { return try await open(continuing: continued, connection, say) }
        let fixed = try await rows.withFixedTimes(connection)
        var selection = try fixed.filter.selection()
        selection.add(Self.state)
        let cursor = try await RowCursor.open(selection, limit: fixed.limit, on: connection)
        say("\(cursor.count) rows")
        return (
            cursor,
            { [reason, actor] in
                try await ActRecord.begin(
                    .replayed, selection: fixed.words, rows: cursor.count, by: actor, why: reason, on: connection)
            }
        )
    }

    private func open(
        continuing id: Int64, _ connection: PostgresConnection, _ say: (String) -> Void
    ) async throws -> (cursor: RowCursor, begin: Begin) {
        guard let begun = try await ActRecord.find(id, on: connection) else {
            throw CommandExit(.no, "there is no act \(id)")
        }
        guard begun.act == ActRecord.Act.replayed.rawValue else {
            throw CommandExit(.no, "act \(id) is not a replay: its rows were \(begun.act)")
        }
        guard !begun.hasEnded else { throw CommandExit(.no, "act \(id) is complete: \(begun.done) rows done") }
        guard try await begun.record.lock() else { throw CommandExit(.no, "act \(id) is at work elsewhere") }
        let rows = try LimitedFilter.parse(FlagText.split(begun.selection))
        var selection = try rows.filter.selection()
        selection.add(Self.state)
        // What was published since is no longer what was meant.
        selection.add(
            "(published_at IS NULL OR published_at <= (SELECT began_at FROM outbox_acts a WHERE a.id = ?))", .int8(id))
        selection.add(
            """
            NOT EXISTS (SELECT FROM outbox_replays r WHERE r.outbox_id = rows_of_act.id AND r.act_id = ?)
            """, .int8(id))
        let limit = rows.limit.map { max(0, $0 - begun.done) }
        let cursor = try await RowCursor.open(selection, limit: limit, on: connection)
        say("\(cursor.count) rows left of \(begun.rows)")
        return (cursor, { begun.record })
    }
}
