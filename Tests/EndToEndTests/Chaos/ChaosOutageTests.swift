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
            let plan = ChaosPlan(seed: seed, kinds: settings.kinds, count: settings.faultsPerRound)
            print(
                "chaos seed \(seed): \(plan.writers) writers, \(plan.relays) relays, \(plan.markets) markets:",
                plan.faults.map(\.rawValue).joined(separator: " "))
            let report = try await ChaosRound.run(plan)
            try settings.report.map { try report.append(to: $0) }
            print(
                "chaos seed \(seed): \(report.messages) messages, \(report.repeated) repeated,",
                report.isVoid ? "VOID" : report.violations.isEmpty ? "all promises hold" : "BROKEN \(report.violations)"
            )
            #expect(report.violations.isEmpty && !report.isVoid, "scripts/chaos --seed \(seed) --rounds 1")
            seed += 1
        }
    }
}

/// What scripts/chaos says by environment variables.
struct ChaosSettings {
    let seed = Self.number("CHAOS_SEED") ?? 1
    let rounds = Int(Self.number("CHAOS_ROUNDS") ?? 1)
    let minutes = Int(Self.number("CHAOS_MINUTES") ?? 600)
    let faultsPerRound = Int(Self.number("CHAOS_FAULTS") ?? 5)
    let report = Self.text("CHAOS_REPORT")
    let kinds: [FaultKind]

    static var isWanted: Bool { number("CHAOS_SEED") != nil }

    init() {
        let names = (Self.text("CHAOS_ONLY") ?? "").split(separator: ",").map(String.init)
        kinds = names.isEmpty ? FaultKind.allCases : names.map { FaultKind(rawValue: $0)! }
    }

    private static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    private static func number(_ name: String) -> UInt64? { text(name).flatMap(UInt64.init) }
}

@Suite("Plans of chaos") struct ChaosPlanTests {
    @Test func theSameSeedGivesTheSamePlan() {
        let plans = (0..<50 as Range<UInt64>).map { ChaosPlan(seed: $0, kinds: FaultKind.allCases, count: 5) }
        for plan in plans { #expect(plan == ChaosPlan(seed: plan.seed, kinds: FaultKind.allCases, count: 5)) }
        #expect(Set(plans.flatMap(\.faults)) == Set(FaultKind.allCases))
        #expect(Set(plans.map(\.relays)) == [1, 2, 3])
    }
}
