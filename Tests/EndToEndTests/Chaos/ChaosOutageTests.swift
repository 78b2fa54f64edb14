import FoundationEssentials
import Glibc
import Testing

/// Rounds of faults, as scripts/chaos asks for them by the environment.
@Suite("Chaos", .serialized, .enabled(if: Servers.mayBeStopped && ChaosSettings.isWanted))
struct ChaosOutageTests {
    @Test func keepsItsPromises() async throws {
        let settings = ChaosSettings()
        for (kind, hindrance) in settings.omitted { say("chaos: no \(kind), it wants \(hindrance)") }
        let end = ContinuousClock.now + .seconds(60 * settings.minutes)
        var seed = settings.seed
        var voids = 0
        for _ in 0..<settings.rounds where .now < end {
            let kinds = settings.kinds(inRound: Int(seed - settings.seed))
            var plan = ChaosPlan(
                seed: seed, kinds: kinds, count: settings.isSlice ? kinds.count : settings.faultsPerRound,
                queues: settings.queues, deliveryLimit: settings.deliveryLimit)
            plan.writers = settings.writers ?? plan.writers
            plan.relays = settings.relays ?? plan.relays
            say(
                "chaos seed \(seed): \(plan.writers) writers, \(plan.relays) relays, \(plan.markets) markets,",
                plan.usesQuorumQueues ? "quorum queues," : "classic queues,",
                plan.hasAllKinds ? "all kinds of records:" : "candles:",
                plan.faults.map(\.rawValue).joined(separator: " "))
            let begin = ContinuousClock.now
            let report = try await ChaosRound.run(plan)
            try settings.report.map { try report.append(to: $0) }
            say(
                "chaos seed \(seed): \((.now - begin).components.seconds) s, \(report.messages) messages,",
                "\(report.repeated) repeated,",
                report.isVoid
                    ? "VOID: \(report.voidReason ?? "")"
                    : report.violations.isEmpty ? "all promises hold" : "BROKEN \(report.violations)"
            )
            #expect(report.violations.isEmpty, "scripts/chaos --seed \(seed) --rounds 1")
            if report.isVoid { voids += 1 }
            seed += 1
        }
        // A slow machine may miss the trace of a fault: in one round of the slice, no more.
        #expect(voids <= (settings.isSlice ? 1 : 0), "rounds that show nothing")
        if let report = settings.report, let summary = settings.summary {
            try ChaosSummary(rounds: RoundReport.all(in: report)).markdown.write(
                toFile: summary, atomically: true, encoding: .utf8)
        }
    }
}

/// Unbuffered, so that whoever waits can see it.
func say(_ words: String...) {
    let line = words.joined(separator: " ") + "\n"
    _ = write(2, line, line.utf8.count)
}
