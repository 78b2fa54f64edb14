import Foundation
import ProgramRuntime
import Testing

@testable import Outbox
@testable import Relay

@Suite struct StatusTextTests {
    private func report() -> StatusReport {
        var report = StatusReport(lanes: (0..<16).map { LaneStatus(lane: $0) })
        report.partitions = StatusReport.Partitions(
            count: 3, oldest: "outbox_from_1", oldestAge: 90_061.5, idsAhead: 12_345)
        return report
    }

    @Test func anIdleSystem() {
        #expect(
            report().lines == [
                "pending     0 rows",
                "published   0 rows in the last minute, 0 in the last 15 minutes",
                "parked      0 rows",
                "superseded  0 rows",
                "partitions  3, the oldest outbox_from_1 with rows of 1d1h ago; 12345 ids ahead",
                "owners      nobody has a lane",
                "",
                "No relay has reported in the last 24 hours.",
            ])
    }

    @Test func sumsOverAllLanes() {
        var report = report()
        (report.lanes[1].pending, report.lanes[1].oldestSeconds) = (5, 7)
        (report.lanes[2].pending, report.lanes[2].oldestSeconds) = (6, 125)
        (report.lanes[1].lastMinute, report.lanes[2].lastMinute) = (10, 20)
        (report.lanes[1].lastQuarter, report.lanes[2].lastQuarter) = (100, 200)
        (report.lanes[3].parked, report.lanes[4].superseded) = (1, 2)
        #expect(
            Array(report.lines.prefix(4)) == [
                "pending     11 rows, the oldest for 2m5s",
                "published   30 rows in the last minute, 300 in the last 15 minutes",
                "parked      1 rows",
                "superseded  2 rows",
            ])
        report.lanes[2].isExact = false
        #expect(report.lines[0] == "pending     at least 11 rows, the oldest for 2m5s")
    }

    @Test func ownersAreThoseWhoHoldALock() {
        var report = report()
        for lane in 0..<16 {
            report.lanes[lane].relay = lane < 8 ? "b:2" : "a:1"
            report.lanes[lane].isOwned = lane != 5
        }
        report.lanes[9].relay = nil
        #expect(report.lines[5] == "owners      a:1 has 8,10-15; b:2 has 0-4,6-7; somebody has 9; nobody has 5")
    }

    @Test func relaysAndTheOneThatIsSilent() {
        var report = report()
        report.relays = [
            RelayStatus(
                relay: "a:1", seenAgo: 2.5, startedAgo: 3725, published: 1234, byDoorbell: 10, byPoll: 3,
                doorbellHeard: true),
            RelayStatus(
                relay: "b:2", seenAgo: 15.5, startedAgo: 100, doorbellHeard: false, lastError: "no\nroute",
                lastErrorAgo: 61),
        ]
        let table = report.lines[7].split(separator: "\n").map(String.init)
        #expect(
            table
                == [
                    "relay  state     heard     up  published  by bell  by poll  NOTIFY",
                    "a:1    alive    2s ago   1h2m       1234       10        3  heard",
                    "b:2    SILENT  15s ago  1m40s          0        0        0  LOST",
                    "last error of b:2, 1m1s ago: no\\u{a}route",
                ], "\(table)")
    }

    @Test func theLanesFitEightyColumns() {
        var lane = LaneStatus(lane: 15)
        (lane.isOwned, lane.relay, lane.pending, lane.isExact) = (
            true, String(repeating: "x", count: 100), 9_999_999, false
        )
        (lane.oldestSeconds, lane.lastMinute, lane.lastQuarter) = (90_061, 999_999, 9_999_999)
        var text = ""
        var listing = ListingWriter(columns: LaneStatus.shortColumns, format: .table) { text += $0 }
        listing.write(lane.shortRow)
        listing.finish()
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
        #expect(text.contains(" 9999999+ "))
    }

    @Test func theJSONHasTheWhole() throws {
        var report = report()
        (report.lanes[2].pending, report.lanes[2].isExact, report.lanes[2].relay) = (20_001, false, "a\"1")
        report.relays = [RelayStatus(relay: "a\"1", seenAgo: 2.5, lastError: "no\nroute")]
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any])
        #expect(object["pending"] as? Int == 20_001 && object["pending_is_lower_bound"] as? Bool == true)
        #expect((object["lanes"] as? [[String: Any]])?.count == 16)
        #expect((object["relays"] as? [[String: Any]])?.first?["relay"] as? String == "a\"1")
    }

    @Test func ofManySilentOnesAFew() {
        var report = report()
        report.relays = (0..<8).map { RelayStatus(relay: "r:\($0)", seenAgo: 100 + Double($0)) }
        #expect(report.lines[7].contains("r:4") && !report.lines[7].contains("r:5"))
        #expect(report.lines[7].hasSuffix("\nand 3 more that are silent"))
    }

    @Test func agesHaveTwoUnits() {
        #expect(StatusReport.age(0) == "0s" && StatusReport.age(-5) == "0s")
        #expect(StatusReport.age(3661) == "1h1m" && StatusReport.age(90_061) == "1d1h")
        #expect(StatusReport.age(86_400) == "1d")
    }
}
