import ProgramRuntime
import Testing

@testable import Outbox
@testable import Relay

@Suite struct VerificationTextTests {
    private func verification() -> Verification {
        var verification = Verification()
        verification.checks = [
            Verification.Check(name: "one", found: 3, expected: 3, examples: ["not shown"]),
            Verification.Check(name: "two", found: 1, expected: 0, examples: ["lane 3: hole after 120", "a\nb"]),
            Verification.Check(name: "three", found: 1, expected: 2),
        ]
        verification.totals = VerificationTotals(
            received: 9, stored: 6, duplicate: 2, quarantined: 1, outbox: 4, published: 3, pending: 1, parked: 1,
            superseded: 1, pruned: 2)
        return verification
    }

    @Test func whatIsBrokenIsNamedBelowTheTable() {
        #expect(
            VerificationText.lines(verification()) == [
                "",
                "two:",
                "  lane 3: hole after 120",
                "  a\\u{a}b",
                "",
                "received 9 = stored 6 + revised 0 + duplicate 2 + quarantined 1",
                "outbox   6 = published 3 + pending 1 + parked 1 + superseded 1",
                "         2 of these are old and were dropped",
            ])
    }

    @Test func whenAllHoldItSaysSo() {
        var verification = verification()
        verification.checks.removeLast(2)
        verification.totals.pruned = 0
        let lines = VerificationText.lines(verification)
        #expect(lines.count == 5 && lines.last == "All promises hold.")
    }

    @Test func jsonHasTheExamplesOfWhatIsBroken() {
        let rows = verification().checks.map(VerificationText.row)
        #expect(rows[0] == [.text("one"), .bool(true), .integer(3), .integer(3), .array([])])
        #expect(rows[1].last == .array(["lane 3: hole after 120", "a\nb"]))
        #expect(VerificationText.columns.map(\.name) == ["check", "holds", "found", "expected", "examples"])
    }
}
