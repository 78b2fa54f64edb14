import Testing

@testable import AMQP

@Suite struct HeartbeatClockTests {
    private let start = ContinuousClock.now

    @Test func aHeartbeatIsDueAfterHalfAnIntervalWithoutWriting() {
        var clock = HeartbeatClock(interval: .seconds(10), now: start)
        #expect(clock.action(at: start + .seconds(4), unsent: false) == .nothing)
        #expect(clock.action(at: start + .seconds(5), unsent: false) == .sendHeartbeat)
        #expect(clock.action(at: start + .seconds(5), unsent: true) == .nothing)
        #expect(clock.deadline(unsent: false) == start + .seconds(5))
        #expect(clock.deadline(unsent: true) == start + .seconds(20))
        clock.didWrite(at: start + .seconds(3))
        #expect(clock.action(at: start + .seconds(7), unsent: false) == .nothing)
    }

    @Test func aBrokerThatIsSilentForTwoIntervalsIsGivenUp() {
        var clock = HeartbeatClock(interval: .seconds(10), now: start)
        clock.didRead(at: start + .seconds(1))
        #expect(clock.action(at: start + .seconds(20), unsent: true) == .nothing)
        #expect(clock.action(at: start + .seconds(21), unsent: true) == .giveUp)
    }

    @Test func silenceIsNotCountedWhileNobodyReads() {
        var clock = HeartbeatClock(interval: .seconds(10), now: start)
        clock.setReading(false, at: start)
        #expect(clock.action(at: start + .seconds(99), unsent: true) == .nothing)
        #expect(clock.deadline(unsent: true) == nil)
        clock.setReading(true, at: start + .seconds(99))
        #expect(clock.action(at: start + .seconds(118), unsent: true) == .nothing)
        #expect(clock.action(at: start + .seconds(119), unsent: true) == .giveUp)
    }

    @Test func withoutAnIntervalNothingIsDue() {
        let clock = HeartbeatClock(interval: nil, now: start)
        #expect(clock.action(at: start + .seconds(1000), unsent: false) == .nothing)
        #expect(clock.deadline(unsent: false) == nil)
    }
}
