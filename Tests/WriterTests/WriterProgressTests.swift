import Logging
import ProgramRuntime
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite struct WriterProgressTests {
    private let readiness = Readiness()
    private let start = ContinuousClock.now

    private func isReady(_ progress: WriterProgress, after seconds: Int) -> Bool {
        progress.check(at: start + .seconds(seconds))
        return readiness.snapshot.isReady
    }

    @Test func aWriterThatTakesAndStoresNothingIsNotReady() {
        let progress = WriterProgress(readiness, logger: Logger(label: "tests"))
        #expect(isReady(progress, after: 3600))  // nothing came
        progress.took(at: start + .seconds(3600))
        #expect(isReady(progress, after: 3660))
        #expect(!isReady(progress, after: 3662))
        #expect(readiness.snapshot.missing(at: start).first?.contains("none was stored for 62 s") == true)
        progress.stored(at: start + .seconds(3663))
        #expect(isReady(progress, after: 9000))
    }

    @Test func oneBatchAfterTheOtherIsProgress() {
        let progress = WriterProgress(readiness, logger: Logger(label: "tests"))
        for minute in 0..<5 {
            progress.took(at: start + .seconds(50 * minute))
            if minute > 0 { progress.stored(at: start + .seconds(50 * minute)) }
            #expect(isReady(progress, after: 50 * minute + 45))
        }
        #expect(!isReady(progress, after: 300))
    }

    @Test func whatComesAgainDoesNotWait() {
        let progress = WriterProgress(readiness, logger: Logger(label: "tests"))
        progress.took(at: start)
        progress.lost()
        #expect(isReady(progress, after: 120))
    }
}
