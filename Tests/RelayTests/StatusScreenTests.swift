import Testing

@testable import Outbox

@Suite("The screen of status") struct StatusScreenTests {
    private func overview() -> Overview {
        var overview = Overview()
        overview.report = StatusReport(
            lanes: (0..<16).map { LaneStatus(lane: $0, relay: "a:1", isOwned: true) },
            relays: [RelayStatus(relay: "a:1", seenAgo: 1, doorbellHeard: true)],
            partitions: StatusReport.Partitions(idsAhead: 9_000_000))
        overview.readAt = 1_700_000_000
        return overview
    }

    @Test func saysThatAllIsWell() {
        let lines = StatusScreen(overview(), width: 80, isColoured: false).lines
        #expect(lines[0] == "Candlepost  2023-11-14 22:13:20 UTC   Ctrl-C ends it")
        #expect(lines.contains("● all is well") && lines.contains("lanes     a:1 has 0-15"))
        #expect(!lines.joined().contains("\u{1B}"))
    }

    @Test func namesWhatIsWrongTheGravestFirstWithItsStep() {
        var overview = overview()
        overview.quarantine = [("not_json", 2)]
        overview.report.relays = []
        let lines = StatusScreen(overview, width: 200, isColoured: false).lines
        let first = lines.firstIndex { $0.hasPrefix("■ act now: No relay is at work") }
        let second = lines.firstIndex { $0.hasPrefix("▲ look into it: 2 messages are in quarantine") }
        #expect(first != nil && second == first.map { $0 + 2 }, "\(lines)")
    }

    /// A writer that is away leaves nothing in the database but silence.
    @Test(arguments: [(nil, false), (179, false), (1799, false), (1801, true)])
    func silenceOfALongTimeIsNamed(seconds: Int64?, isNamed: Bool) {
        var overview = overview()
        overview.silentFor = seconds
        let lines = StatusScreen(overview, width: 80, isColoured: false).lines
        let named = lines.filter { $0.hasPrefix("▲ look into it: Nothing has been received for 30m") }
        #expect(named.count == (isNamed ? 1 : 0), "\(lines)")
    }

    @Test func hasColoursWhereTheyHelp() {
        let lines = StatusScreen(overview(), width: 80, isColoured: true).lines
        #expect(lines.contains("\u{1B}[32m● all is well\u{1B}[0m"))
    }

    @Test func noLineIsLongerThanTheScreen() {
        var overview = overview()
        overview.report.relays = [RelayStatus(relay: String(repeating: "x", count: 300), lastError: "\u{1B}[2J\n")]
        let lines = StatusScreen(overview, width: 60, isColoured: false).lines
        #expect(lines.allSatisfy { $0.count <= 60 })
        #expect(!lines.joined().contains("\u{1B}"))
    }

    @Test func isALineWhereThereIsNoScreen() {
        var overview = overview()
        overview.quarantine = [("not_json", 2)]
        #expect(
            StatusScreen(overview, width: 80, isColoured: true).summary
                == "2023-11-14 22:13:20Z  received 0/s  stored 0/s  announced 0/s  pending 0  lag 0ms  parked 0  quarantine 2"
                + "  warn: 2 messages are in quarantine, most of them not_json.")
    }

    @Test func valuesAreSmallColumns() {
        #expect(Sparkline.text([0, 1, 4, 8], width: 10) == " ▂▅█")
        #expect(Sparkline.text([0, 1, 4, 8], width: 2) == "▂█")
        #expect(Sparkline.text([0, 0], width: 10) == "" && Sparkline.text([], width: 10) == "")
    }
}
