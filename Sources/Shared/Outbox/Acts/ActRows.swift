import Postgres

/// Reads what is in the rows of an act.
struct ActRows: Sendable {
    /// Beside the columns of ``OutboxReader``.
    private static let attempt = OutboxReader.Column.revision + 1

    let connection: PostgresConnection
    /// How many bytes of bodies to read at once; one body may be larger.
    var bytesAtOnce = 4 << 20

    /// Reads as many of the rows as fit, in their order, the first of them in any case. A row that was pruned meanwhile is
    /// left out; nothing is left of those that come back as none.
    func read(
        _ wanted: ArraySlice<RowCursor.Row>, _ encoder: inout MessageEncoder
    ) async throws(PostgresError) -> [OutboxRow] {
        let answer = OutboxAnswer(try await connection.execute(statement(wanted)))
        for position in 0..<answer.rows.count {
            try OutboxReader.check(answer.rows[position])
            _ = try answer.rows[position].int4(Self.attempt)
        }
        return (0..<answer.rows.count).map { row($0, of: answer, &encoder) }
    }

    /// The size of a body is known without reading it, so the sum costs nothing.
    private func statement(_ wanted: ArraySlice<RowCursor.Row>) -> Statement {
        var lanes = BinaryArray(elementType: .int2, capacity: wanted.count)
        var ids = BinaryArray(elementType: .int8, capacity: wanted.count)
        var attempts = BinaryArray(elementType: .int4, capacity: wanted.count)
        for row in wanted {
            lanes.append(int2: row.lane)
            ids.append(int8: row.id)
            attempts.append(int4: row.attempt)
        }
        return Statement(
            """
            SELECT lane, id, market_id, record_type, trace_id, traceparent, created_at, body, revision, attempt
            FROM (SELECT o.*, w.attempt, w.n,
                         sum(octet_length(o.body)) OVER (ORDER BY w.n) - octet_length(o.body) AS bytes_before
                  FROM unnest($1::smallint[], $2::bigint[], $3::int[]) WITH ORDINALITY AS w(lane, id, attempt, n)
                  CROSS JOIN LATERAL (SELECT * FROM outbox WHERE lane = w.lane AND id = w.id LIMIT 1) o) sized
            WHERE bytes_before < $4 ORDER BY n
            """,
            name: "read_act_rows", [.array(lanes), .array(ids), .array(attempts), .int8(Int64(bytesAtOnce))])
    }

    private func row(_ position: Int, of answer: OutboxAnswer, _ encoder: inout MessageEncoder) -> OutboxRow {
        let rows = answer.rows
        return OutboxRow(
            id: rows.int8(position, OutboxReader.Column.id),
            series: OutboxRow.Series(
                market: rows.int4(position, OutboxReader.Column.market),
                kind: encoder.kind(named: rows.bytes(position, OutboxReader.Column.recordType))),
            createdAt: rows.timestampMilliseconds(position, OutboxReader.Column.createdAt),
            isPossiblyRedelivered: true, attempt: rows.int4(position, Self.attempt),
            bodyBytes: rows.byteCount(position, OutboxReader.Column.body), answer: answer, position: position)
    }
}
