import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Reading the log", .timeLimit(.minutes(10)))
struct OutboxReaderTests {
    private func read(
        _ connection: PostgresConnection, _ requests: [(lane: Int, after: Int64, limit: Int)]
    ) async throws -> [[Int64]] {
        let rows = try await OutboxReader.read(requests.map { .make($0.lane, $0.after, $0.limit) }, connection).rows
        return (0..<rows.count).map {
            [Int64(rows.int2($0, OutboxReader.Column.lane)), rows.int8($0, OutboxReader.Column.id)]
        }
    }

    @Test func eachLaneFromWhereItIsInOrderAndNoMoreThanAsked() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.log([(0, 1), (1, 2), (0, 1), (1, 2), (0, 1), (2, 3), (0, 1)])
            #expect(try await read(connection, [(0, 0, 10)]) == [[0, 1], [0, 3], [0, 5], [0, 7]])
            #expect(try await read(connection, [(0, 1, 2), (1, 4, 10), (2, 0, 1)]) == [[0, 3], [0, 5], [2, 6]])
            #expect(try await read(connection, [(9, 0, 10)]).isEmpty)
        }
    }

    @Test func aRowCarriesAllThatAMessageNeeds() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, trace_id, traceparent,
                                    body, created_at)
                VALUES (4, 'Trade', 7, 'epoch', 'epoch', 'trace', 'parent', '{"a":"ü"}', 'epoch'),
                       (4, 'Trade', 7, 'epoch', 'epoch', NULL, NULL, '', 'epoch')
                """)
            let rows = try await OutboxReader.read([.make(4, 0, 10)], connection).rows
            #expect(rows.int4(0, OutboxReader.Column.market) == 7)
            #expect(rows.text(0, OutboxReader.Column.recordType) == "Trade")
            #expect(rows.text(0, OutboxReader.Column.traceID) == "trace")
            #expect(rows.text(0, OutboxReader.Column.traceParent) == "parent")
            #expect(rows.timestampMilliseconds(0, OutboxReader.Column.createdAt) == 0)
            #expect(rows.text(0, OutboxReader.Column.body) == #"{"a":"ü"}"#)
            #expect(rows.isNull(1, OutboxReader.Column.traceID) && rows.isNull(1, OutboxReader.Column.traceParent))
        }
    }

    @Test func orderGoesOnOverTheBoundaryOfPartitions() async throws {
        try await withMigratedDatabase { _, connection in
            _ = try await connection.execute("SELECT setval('outbox_id_seq', 4999997)")
            try await connection.log(Array(repeating: (0, 1), count: 6))
            let partitions = try await connection.number("SELECT count(DISTINCT tableoid) FROM outbox")
            #expect(partitions == 2)
            #expect(try await read(connection, [(0, 0, 10)]).map { $0[1] } == Array(4_999_998...5_000_003))
            #expect(try await read(connection, [(0, 4_999_999, 3)]).map { $0[1] } == Array(5_000_000...5_000_002))
        }
    }

    @Test func anAnswerHasNoMoreBytesThanItShouldButOneRowInAnyCase() async throws {
        try await withMigratedDatabase { _, connection in
            let half = String(repeating: "x", count: OutboxReader.bytesPerLane / 2 + 1)
            try await connection.log(Array(repeating: (0, 1), count: 5), body: half)
            try await connection.log([(1, 2), (1, 2)], body: half + half)
            #expect(try await read(connection, [(0, 0, 10), (1, 0, 10)]) == [[0, 1], [0, 2], [1, 6]])
        }
    }

    // MARK: the plan

    private func plan(_ connection: PostgresConnection) async throws -> String {
        let sql = OutboxReader.statements([.make(0, 0, 1)])[0].sql
        try await connection.script(
            "DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan; PREPARE read (smallint[], bigint[], int[], bigint) AS \(sql)"
        )
        let rows = try await connection.execute(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE read ('{0,7,15}', '{0,0,0}', '{10,10,10}', 262144)")
        return (0..<rows.count).map { rows.text($0, 0) }.joined(separator: "\n")
    }

    private func isWalkAlongTheKey(_ plan: String) -> Bool {
        plan.contains("Index Scan using") && !plan.contains("Sort") && !plan.contains("Seq Scan")
            && !plan.contains("Bitmap")
    }

    /// A plan is made once and kept: made while the log is empty it has to be right for a large one, too.
    @Test func thePlanIsAWalkAlongTheKeyWhateverTheSizeOfTheLog() async throws {
        try await withMigratedDatabase { database, writer in
            let relay = try await database.connect(parameters: OutboxReader.plannerSettings)
            let empty = try await plan(relay)
            #expect(isWalkAlongTheKey(empty), "\(empty)")
            try await writer.log(count: 60_000)
            let grown = try await plan(relay)
            #expect(isWalkAlongTheKey(grown), "\(grown)")
            try await writer.script("ANALYZE outbox")
            let analyzed = try await plan(relay)
            #expect(isWalkAlongTheKey(analyzed), "\(analyzed)")
            #expect(!analyzed.contains("rows=3750"), "the whole lane was read")
        }
    }
}

extension ReadRequest {
    static func make(_ lane: Int, _ afterID: Int64 = 0, _ limit: Int = 10, claim: Int = 1) -> ReadRequest {
        ReadRequest(lane: lane, claim: claim, afterID: afterID, limit: limit)
    }
}
