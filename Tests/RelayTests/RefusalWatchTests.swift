import Testing

@testable import Outbox
@testable import Relay

@Suite("The watch over refusals") struct RefusalWatchTests {
    private let start = ContinuousClock.now
    private var late: ContinuousClock.Instant { start + RefusalWatch.limit }

    @Test func wantsANewConnectionAfterAWhile() throws {
        var watch = RefusalWatch()
        try watch.check(inFlight: 0, at: late)
        watch.refused(at: start)
        watch.refused(at: start + .seconds(10))  // the first one counts
        try watch.check(inFlight: 0, at: late - .seconds(1))
        #expect(throws: RefusalWatch.TooLong.self) { try watch.check(inFlight: 0, at: late) }
    }

    @Test func waitsForWhatIsOnItsWay() throws {
        var watch = RefusalWatch()
        watch.refused(at: start)
        try watch.check(inFlight: 1, at: late)
    }

    @Test func aConfirmEndsIt() throws {
        var watch = RefusalWatch()
        watch.refused(at: start)
        watch.confirmed()
        try watch.check(inFlight: 0, at: late)
    }
}
