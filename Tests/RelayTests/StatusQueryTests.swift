import Postgres
import TestSupport
import Testing

@testable import Relay

@Suite("What relay status shows", .timeLimit(.minutes(2)))
struct StatusQueryTests {
    @Test func aLineForEachLaneWithItsOwnerAndItsRows() async throws {
        try await withGoodDatabase { database, connection in
            let relay = LaneLedger(connection: try await database.connect(), relay: "somebody")
            _ = try await relay.claim([0, 5])
            try await connection.script(
                "INSERT INTO lane_owners (lane, relay, released_at) VALUES (1, 'gone', now())")
            let rows = try await connection.execute(StatusCommand.lanesQuery)
            #expect(rows.count == 16 && rows.columnNames.count == StatusCommand.columns.count)
            #expect((0..<16).map { rows.int8($0, 0) } == Array(0...15))
            #expect((0..<16).filter { rows.bool($0, 2) } == [0, 5])
            #expect(rows.text(0, 1) == "somebody" && rows.text(1, 1) == "gone" && rows.text(2, 1) == "")
            #expect(rows.int8(0, 4) == 5 && rows.int8(0, 5) == 0 && rows.int8(0, 7) == 5 && rows.int8(0, 8) == 1)
            #expect(rows.int8(1, 4) == 6 && rows.int8(1, 5) == 4 && rows.int8(1, 7) == 1 && rows.int8(1, 8) == 0)
            #expect(rows.isNull(2, 9) && !rows.isNull(1, 9))
        }
    }

    @Test func theAuditViewSaysWhatBecameOfEachRow() async throws {
        try await withGoodDatabase { _, connection in
            let rows = try await connection.execute(
                "SELECT state, published_at IS NOT NULL, exchange || ' ' || symbol FROM outbox_audit ORDER BY id")
            #expect((0..<3).map { rows.text($0, 0) } == ["published", "published", "superseded"])
            #expect((3..<7).map { rows.text($0, 0) } == ["parked", "published", "published", "pending"])
            #expect((0..<10).filter { rows.bool($0, 1) } == [0, 1, 4, 5])
            #expect(rows.text(0, 2) == "binance M1/USDT")
        }
    }
}
