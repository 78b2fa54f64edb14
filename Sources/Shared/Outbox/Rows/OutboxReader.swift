package import Postgres

/// Reads the log: for each lane the rows after a given one, in order.
package struct OutboxReader {
    /// What was read, and by which requests.
    package struct Answer: Sendable {
        package let requests: [ReadRequest]
        package let rows: Rows
        /// Those of the rows that are parked or superseded.
        package let excepted: Set<Int64>

        /// The rows one by one.
        package func rows(_ encoder: inout MessageEncoder) -> ReadAnswer {
            let answer = OutboxAnswer(rows)
            return ReadAnswer(
                requests: requests,
                rows: (0..<rows.count).map { position in
                    (Int(rows.int2(position, Column.lane)), OutboxRow(position, of: answer, &encoder))
                },
                excepted: excepted, byteCount: rows.byteCount)
        }
    }

    package static func read(
        _ requests: [ReadRequest], _ connection: PostgresConnection
    ) async throws(PostgresError) -> Answer {
        let answers = try await connection.pipeline(statements(requests))
        try check(answers[0], requests)
        let excepted = Set(try answers[1].map { row throws(PostgresError) in try row.int8(0) })
        return Answer(requests: requests, rows: answers[0], excepted: excepted)
    }

    /// Makes sure that everything that is read of the rows later is there and of its type.
    /// - Throws: ``PostgresError`` of kind `unexpectedAnswer`.
    static func check(_ row: Row) throws(PostgresError) {
        _ = (try row.int2(Column.lane), try row.int8(Column.id), try row.int4(Column.market))
        _ = (try row.bytes(Column.recordType), try row.timestampMilliseconds(Column.createdAt))
        _ = (try row.bytes(Column.body), try row.isNull(Column.traceID), try row.isNull(Column.traceParent))
        if try !row.isNull(Column.revision) { _ = try row.int4(Column.revision) }
    }

    /// Makes sure, too, that the rows are of lanes that were asked for, and in order.
    private static func check(_ rows: Rows, _ requests: [ReadRequest]) throws(PostgresError) {
        var last = Dictionary(requests.map { (Int16($0.lane), $0.afterID) }, uniquingKeysWith: max)
        for position in 0..<rows.count {
            try check(rows[position])
            let (lane, id) = (try rows[position].int2(Column.lane), try rows[position].int8(Column.id))
            guard let before = last[lane], id > before else {
                throw PostgresError(
                    kind: .unexpectedAnswer, message: "the log answers with rows that were not asked for")
            }
            last[lane] = id
        }
    }

    /// The columns of ``read(_:_:)``, by position.
    package enum Column {
        package static let lane = 0
        package static let id = 1
        package static let market = 2
        package static let recordType = 3
        package static let traceID = 4
        package static let traceParent = 5
        package static let createdAt = 6
        package static let body = 7
        package static let revision = 8
    }

    /// Planner settings of the relay's connection. A statement is planned once and kept; planned while the log was empty
    /// it could sort the whole backlog at each read (measured on another outbox: 11 ms instead of 0.2 ms). With these
    /// the only plan is the walk along the key.
    package static let plannerSettings = [
        "enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off", "jit": "off",
    ]

    /// The rows, and then which of those that come next in the lanes are excepted: a row that is superseded between the two
    /// is published all the same.
    package static func statements(_ requests: [ReadRequest]) -> [Statement] {
        var lanes = BinaryArray(elementType: .int2, capacity: requests.count)
        var afterIDs = BinaryArray(elementType: .int8, capacity: requests.count)
        var limits = BinaryArray(elementType: .int4, capacity: requests.count)
        for request in requests {
            lanes.append(int2: Int16(request.lane))
            afterIDs.append(int8: request.afterID)
            limits.append(int4: Int32(request.limit))
        }
        let parameters = [lanes, afterIDs, limits].map(Parameter.array)
        return [
            Statement(rows, name: "read_outbox", parameters + [.int8(Int64(bytesPerLane))]),
            Statement(exceptions, name: "read_exceptions", parameters),
        ]
    }

    /// No more bodies than this are read of a lane at once, and the first in any case: whatever the size of a row, an answer fits in
    /// memory. The size of a body is known without reading it.
    package static let bytesPerLane = 256 << 10

    private static let rows = """
        SELECT o.lane, o.id, o.market_id, o.record_type, o.trace_id, o.traceparent, o.created_at, o.body, o.revision
        FROM unnest($1::smallint[], $2::bigint[], $3::int[]) AS wanted(lane, after_id, n)
        CROSS JOIN LATERAL (
            SELECT *, sum(octet_length(body)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) - octet_length(body)
                      AS bytes_before
            FROM (SELECT * FROM outbox WHERE lane = wanted.lane AND id > wanted.after_id ORDER BY id LIMIT wanted.n) r
        ) o
        WHERE o.bytes_before < $4
        """

    private static let exceptions = """
        SELECT x.outbox_id
        FROM unnest($1::smallint[], $2::bigint[], $3::int[]) AS wanted(lane, after_id, n)
        CROSS JOIN LATERAL (
            SELECT outbox_id FROM outbox_exceptions
            WHERE lane = wanted.lane AND outbox_id > wanted.after_id ORDER BY outbox_id LIMIT wanted.n
        ) x
        """
}

extension OutboxRow {
    /// A row of an answer. Whether it may have been published before is found out by its lane.
    fileprivate init(_ position: Int, of answer: OutboxAnswer, _ encoder: inout MessageEncoder) {
        let rows = answer.rows
        self.init(
            id: rows.int8(position, OutboxReader.Column.id),
            series: Series(
                market: rows.int4(position, OutboxReader.Column.market),
                kind: encoder.kind(named: rows.bytes(position, OutboxReader.Column.recordType))),
            createdAt: rows.timestampMilliseconds(position, OutboxReader.Column.createdAt),
            isPossiblyRedelivered: false, attempt: 1,
            bodyBytes: rows.byteCount(position, OutboxReader.Column.body), answer: answer, position: position)
    }
}
