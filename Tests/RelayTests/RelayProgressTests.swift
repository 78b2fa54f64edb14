import Logging
import ProgramRuntime
import Testing

@testable import Outbox
@testable import Relay

@Suite struct RelayProgressTests {
    private let readiness = Readiness()
    private let start = ContinuousClock.now

    private func missing(_ progress: RelayProgress, after seconds: Int) -> String? {
        progress.check(at: start + .seconds(seconds))
        return readiness.snapshot.missing(at: start).first
    }

    private func report(stillFor seconds: Double) -> PendingReport {
        PendingReport(rows: 7, isExact: true, oldestAge: 0, stillFor: seconds, parked: 0, superseded: 0)
    }

    @Test func aLaneThatStandsStillIsSeen() {
        let progress = RelayProgress(readiness, logger: Logger(label: "tests"))
        progress.looked(report(stillFor: 60), at: start)
        #expect(missing(progress, after: 1) == nil)
        progress.looked(report(stillFor: 61.5), at: start)
        #expect(missing(progress, after: 1)?.contains("7 rows are pending") == true)
        progress.looked(report(stillFor: 0), at: start)
        #expect(missing(progress, after: 1) == nil)
    }

    @Test func aSessionThatLooksNoMoreIsSeen() {
        let progress = RelayProgress(readiness, logger: Logger(label: "tests"))
        progress.looked(report(stillFor: 0), at: start)
        #expect(missing(progress, after: 60) == nil)
        #expect(missing(progress, after: 62)?.contains("not looked at for 62 s") == true)
        progress.looked(report(stillFor: 0), at: start + .seconds(63))
        #expect(missing(progress, after: 64) == nil)
    }
}
