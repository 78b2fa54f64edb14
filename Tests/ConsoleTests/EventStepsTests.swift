import Testing

@testable import Console
@testable import Outbox

@Suite("The steps of an event") struct EventStepsTests {
    private func steps(_ steps: [(String, String?)]) -> [String] {
        EventPage.inOrder(steps.map { EventLife.Step(name: $0, time: $1) }).map(\.name)
    }

    @Test func whatWasParkedBeforeItWasConfirmedStandsBefore() {
        let life = [
            ("stored", "10:00"), ("committed", nil), ("published", nil), ("confirmed", "10:05"), ("parked", "10:02"),
        ]
        #expect(steps(life) == ["stored", "committed", "published", "parked", "confirmed"])
    }

    @Test func whatIsParkedStillStandsLast() {
        let life = [
            ("stored", "10:00"), ("published", nil), ("confirmed", nil), ("parked", "10:02"), ("replayed", "10:09"),
        ]
        #expect(steps(life) == ["stored", "published", "confirmed", "parked", "replayed"])
    }

    @Test func clocksThatDifferChangeNoOrder() {
        #expect(steps([("received", "10:01"), ("stored", "10:00")]) == ["received", "stored"])
    }
}
