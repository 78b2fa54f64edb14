package import Candlepost
package import Postgres

/// The rows that an act is about, as they were when it began: a list that the server keeps and hands out in pages, with
/// no transaction held open meanwhile.
package struct RowCursor: Sendable {
    /// A row, without what is in it.
    package struct Row: Sendable, Equatable {
        package let lane: Int16
        package let id: Int64
        /// Which attempt to publish it comes next.
        package let attempt: Int32
    }

    /// What rows are chosen from: the view `outbox_audit`, or what has its columns.
    package struct Source {
        package static let log = Source(sql: "outbox_audit")
        package let sql: String
    }

    private static let name = "act_rows"
    private let connection: PostgresConnection
    /// How many rows there are.
    package let count: Int

    /// Chooses the rows. A connection has one cursor at a time.
    /// - Parameter order: columns by which pages are ordered.
    package static func open(
        _ selection: Selection, from source: Source = .log, order: String = "id", limit: Int? = nil,
        on connection: PostgresConnection
    ) async throws(PostgresError) -> RowCursor {
        // A cursor WITH HOLD is filled at the end of its transaction; SCROLL lets it be counted first.
        let answers = try await connection.pipeline([
            Statement(
                """
                DECLARE \(name) SCROLL CURSOR WITH HOLD FOR
                SELECT lane, id, (attempts + 1 + (SELECT count(*) FROM outbox_replays r WHERE r.outbox_id = id))::integer
                FROM \(source.sql) AS rows_of_act \(selection.clause) ORDER BY \(order) LIMIT \(limit.map(String.init) ?? "ALL")
                """, selection.parameters),
            Statement("MOVE FORWARD ALL IN \(name)"),
            Statement("MOVE ABSOLUTE 0 IN \(name)"),
        ])
        return RowCursor(connection: connection, count: answers[1].affectedRows)
    }

    /// The next rows; none at the end.
    package func next(_ limit: Int) async throws(PostgresError) -> [Row] {
        let rows = try await connection.execute("FETCH FORWARD \(limit) FROM \(Self.name)")
        return try rows.map { row throws(PostgresError) in
            Row(lane: try row.int2(0), id: try row.int8(1), attempt: try row.int4(2))
        }
    }

    /// Forgets the rows.
    package func close() async throws(PostgresError) { try await connection.script("CLOSE \(Self.name)") }
}
