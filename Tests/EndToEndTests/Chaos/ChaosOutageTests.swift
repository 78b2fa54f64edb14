import FoundationEssentials
import Glibc
import Testing

/// Rounds of faults, as scripts/chaos asks for them by the environment.
@Suite("Chaos", .serialized, .enabled(if: Servers.mayBeStopped && ChaosSettings.isWanted))
struct ChaosOutageTests {
    @Test func keepsItsPromises() async throws {
        let settings = ChaosSettings()
        let end = ContinuousClock.now + .seconds(60 * settings.minutes)
        var seed = settings.seed
        for _ in 0..<settings.rounds where .now < end {
            var plan = ChaosPlan(seed: seed, kinds: settings.kinds, count: settings.faultsPerRound)
            plan.writers = settings.writers ?? plan.writers
            plan.relays = settings.relays ?? plan.relays
            say(
                "chaos seed \(seed): \(plan.writers) writers, \(plan.relays) relays, \(plan.markets) markets:",
                plan.faults.map(\.rawValue).joined(separator: " "))
            let report = try await ChaosRound.run(plan)
            try settings.report.map { try report.append(to: $0) }
            say(
                "chaos seed \(seed): \(report.messages) messages, \(report.repeated) repeated,",
                report.isVoid ? "VOID" : report.violations.isEmpty ? "all promises hold" : "BROKEN \(report.violations)"
            )
            #expect(report.violations.isEmpty && !report.isVoid, "scripts/chaos --seed \(seed) --rounds 1")
            seed += 1
        }
        if let report = settings.report, let summary = settings.summary {
            try ChaosSummary(rounds: RoundReport.all(in: report)).markdown.write(
                toFile: summary, atomically: true, encoding: .utf8)
        }
    }
}

/// Unbuffered, so that whoever waits can see it.
private func say(_ words: String...) {
    let line = words.joined(separator: " ") + "\n"
    _ = write(2, line, line.utf8.count)
}

/// What scripts/chaos says by environment variables.
struct ChaosSettings {
    let seed = Self.number("CHAOS_SEED") ?? 1
    let rounds = Int(Self.number("CHAOS_ROUNDS") ?? 1)
    let minutes = Int(Self.number("CHAOS_MINUTES") ?? 600)
    let faultsPerRound = Int(Self.number("CHAOS_FAULTS") ?? 5)
    /// Where each round adds a line, and where the summary of all lines there goes.
    let summary = Self.text("CHAOS_SUMMARY")
    let report = Self.text("CHAOS_REPORT")
    let kinds: [FaultKind]
    /// How many there are in each round; nil: as the seed says.
    let writers = Self.number("CHAOS_WRITERS").map(Int.init)
    let relays = Self.number("CHAOS_RELAYS").map(Int.init)

    /// For how long a round waits for what must go on by itself.
    static let patience = Duration.seconds(number("CHAOS_PATIENCE") ?? 120)

    static var isWanted: Bool { number("CHAOS_SEED") != nil }

    init() {
        let names = (Self.text("CHAOS_ONLY") ?? "").split(separator: ",").map(String.init)
        kinds = names.isEmpty ? FaultKind.allCases : names.map { FaultKind(rawValue: $0)! }
    }

    private static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    private static func number(_ name: String) -> UInt64? { text(name).flatMap(UInt64.init) }
}

@Suite("Plans of chaos") struct ChaosPlanTests {
    @Test func everyKindHasItsRows() {
        for kind in FaultKind.allCases {
            #expect(
                !kind.rows.isEmpty && kind.rows.allSatisfy { row in FaultMatrix.rows.contains { $0.number == row } })
        }
        #expect(FaultMatrix.rows.map(\.number) == Array(1...59))
    }

    @Test func aSummaryCountsWhatIsNotVoid() {
        let outcome = FaultOutcome(kind: .relayKilled, isSeen: true, recoverySeconds: 1.25)
        let good = RoundReport(
            seed: 7, isVoid: false, messages: 500, announced: 510, repeated: 10, hardFaults: 1, faults: [outcome])
        let text = ChaosSummary(rounds: [good, RoundReport(seed: 8, isVoid: true, messages: 9000)]).markdown
        #expect(text.contains("| rounds | 1, and 1 void |") && text.contains("| messages sent and confirmed | 500 |"))
        #expect(text.contains("| relayKilled | 4 | kill -9 of a relay, then another one | 1 | 1.3 / 1.3 / 1.3 |"))
    }

    @Test func theSameSeedGivesTheSamePlan() {
        let plans = (0..<50 as Range<UInt64>).map { ChaosPlan(seed: $0, kinds: FaultKind.allCases, count: 5) }
        for plan in plans { #expect(plan == ChaosPlan(seed: plan.seed, kinds: FaultKind.allCases, count: 5)) }
        #expect(Set(plans.flatMap(\.faults)) == Set(FaultKind.allCases))
        #expect(Set(plans.map(\.relays)) == [1, 2, 3])
    }
}
