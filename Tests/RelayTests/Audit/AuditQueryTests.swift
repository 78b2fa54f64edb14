import ArgumentParser
import Postgres
import Records
import Testing

@testable import Outbox
@testable import Relay

@Suite struct AuditQueryTests {
    private let page = IDWalk.Page(low: 5, high: 9, lanes: [1, 2])

    @Test func allLanesWithoutAMarketAndItsOwnWithOne() {
        #expect(AuditQuery().lanes == Array(0..<16))
        #expect(AuditQuery(markets: [69]).lanes == [Lane.of(market: 69)])
        #expect(AuditQuery(markets: [5, 18, 13]).lanes == [0, 1])
        #expect(AuditQuery(markets: []).lanes == [])
    }

    @Test func aPageIsARangeOfTheKeyAndAllConditions() {
        let all = AuditQuery().statement(page, limit: 7)
        #expect(
            all.sql.contains("WHERE o.lane = ANY($1) AND o.id BETWEEN $2 AND $3 ORDER BY o.id DESC LIMIT 7"))
        #expect(all.parameters.count == 3)
        let query = AuditQuery(
            markets: [69], kind: "Trade", state: .pending, trace: "t",
            since: AuditQuery.Moment(text: "2026-01-01", microseconds: 0),
            until: AuditQuery.Moment(text: "2026-01-02", microseconds: 1))
        let statement = query.statement(page, limit: 7)
        for condition in [
            "a.market_id = ANY($4)", "a.record_type = $5", "a.trace_id = $6", "a.created_at >= $7::timestamptz",
            "a.created_at < $8::timestamptz", "a.state = $9",
        ] { #expect(statement.sql.contains("AND \(condition)"), "\(condition)") }
        #expect(statement.parameters.count == 9)
        #expect(query.isSelective && !AuditQuery(state: .published).isSelective)
        #expect(AuditQuery(kind: "Trade").statement(page, limit: 7).sql.contains("AND o.record_type = $4"))
    }

    @Test func whatIsParkedOrSupersededIsReadFromTheExceptions() {
        for state in [OutboxFilter.State.parked, .superseded] {
            let query = AuditQuery(state: state)
            #expect(query.isByException)
            let sql = query.statement(page, limit: 7).sql
            #expect(sql.contains("FROM outbox_exceptions x CROSS JOIN LATERAL"))
            #expect(sql.contains("x.outbox_id BETWEEN $2 AND $3 AND x.published_at IS NULL"))
            #expect(sql.contains("ORDER BY x.outbox_id DESC"))
        }
        #expect(!AuditQuery(state: .published).isByException && !AuditQuery(ids: [1], state: .parked).isByException)
    }

    @Test func idsAreLookedForInAllLanes() {
        let statement = AuditQuery(ids: [7, 5, 7], kind: "Trade").statementByIDs(limit: 3)
        #expect(statement.sql.contains("unnest($1::bigint[])") && statement.sql.contains("unnest($2::smallint[])"))
        #expect(statement.sql.contains("WHERE a.record_type = $3"))
    }

    @Test func aStateBoundsTheIDsOfEachLane() {
        let ends = [
            AuditBounds.Ends(lane: 0, newest: 100, recordedUpTo: 80, newestException: 0),
            AuditBounds.Ends(lane: 1, newest: 90, recordedUpTo: 90, newestException: 60),
            AuditBounds.Ends(lane: 2, newest: 70, recordedUpTo: 10, newestException: 65),
        ]
        func bounds(_ state: OutboxFilter.State?) -> [[Int64]] {
            AuditBounds.ranges(state, ends, low: 20, high: 95).map { [$0.low, $0.high] }
        }
        #expect(bounds(nil) == [[20, 95], [20, 90], [20, 70]])
        #expect(bounds(.pending) == [[81, 95], [91, 90], [20, 70]])
        #expect(bounds(.published) == [[20, 80], [20, 90], [20, 65]])
        #expect(bounds(.parked) == [[20, 0], [20, 60], [20, 65]])
    }

    @Test(arguments: [
        ["--kind", "Candle"], ["--state", "lost"], ["--limit=-1"], ["--json", "--csv"], ["--id", "x"],
    ])
    func wrongUsageIsRefused(words: [String]) {
        #expect(throws: (any Error).self) { try AuditCommand.parse(words) }
    }

    @Test func rightUsageIsRead() throws {
        let command = try AuditCommand.parse(
            ["--id", "1", "--id", "2", "--kind", "Trade", "--state", "parked", "--limit", "0"])
        #expect(command.filter.id == [1, 2] && command.filter.state == .parked && command.limit == 0)
        #expect(!command.filter.namesMarkets)
        #expect(try AuditCommand.parse(["--exchange", "binance"]).filter.namesMarkets)
    }
}
