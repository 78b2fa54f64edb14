import Testing

@Suite("Plans of chaos") struct ChaosPlanTests {
    @Test func noKindComesTwiceBeforeAllHaveCome() {
        let all = FaultKind.allCases
        #expect(Set(ChaosPlan(seed: 1, kinds: all, count: all.count).faults) == Set(all))
    }

    @Test func everyKindHasItsRows() {
        for kind in FaultKind.allCases {
            #expect(
                !kind.rows.isEmpty && kind.rows.allSatisfy { row in FaultMatrix.rows.contains { $0.number == row } })
        }
        #expect(FaultMatrix.rows.map(\.number) == Array(1...59))
    }

    @Test func aRoundThatBreaksAPromiseIsNeverVoid() {
        let missed = FaultOutcome(kind: .relayKilled, isSeen: false, recoverySeconds: 1)
        let broken = RoundReport(seed: 7, isVoid: false, faults: [missed], violations: ["V0", "V11", "V4", "V4"])
        let text = ChaosSummary(rounds: [broken]).markdown
        #expect(text.contains("| rounds | 1, and 0 void |"))
        #expect(text.contains("| violations of any kind | V11 in 1 rounds, V4 in 1 rounds |"))
    }

    @Test func aSummaryCountsWhatIsNotVoid() {
        let outcome = FaultOutcome(kind: .relayKilled, isSeen: true, recoverySeconds: 1.25)
        let good = RoundReport(
            seed: 7, isVoid: false, messages: 500, announced: 510, repeated: 10, hardFaults: 1, faults: [outcome])
        var void = RoundReport(seed: 8, isVoid: true, messages: 9000)
        void.voidReason = "no trace of relayKilled"
        let text = ChaosSummary(rounds: [good, void]).markdown
        #expect(text.contains("| rounds | 1, and 1 void |") && text.contains("| messages sent and confirmed | 500 |"))
        #expect(text.contains("| relayKilled | 4 | kill -9 of a relay, then another one | 1 | 1.3 / 1.3 / 1.3 |"))
        #expect(text.contains("| 8 |  | no trace of relayKilled |"))
    }

    @Test func theSameSeedGivesTheSamePlan() {
        let plans = (0..<200 as Range<UInt64>).map { ChaosPlan(seed: $0, kinds: FaultKind.allCases, count: 5) }
        for plan in plans { #expect(plan == ChaosPlan(seed: plan.seed, kinds: FaultKind.allCases, count: 5)) }
        #expect(Set(plans.flatMap(\.faults)) == Set(FaultKind.allCases))
        #expect(Set(plans.map(\.usesQuorumQueues)) == [true, false])
        #expect(Set(plans.map(\.hasAllKinds)) == [true, false])
        #expect(Set(plans.map(\.relays)) == [1, 2, 3])
    }
}
