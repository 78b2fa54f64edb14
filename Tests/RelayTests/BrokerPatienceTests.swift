import Testing

@testable import Relay

@Suite("Patience with the broker") struct BrokerPatienceTests {
    private let start = ContinuousClock.now
    private var late: ContinuousClock.Instant { start + BrokerPatience.refusalLimit }

    @Test func wantsANewConnectionAfterTenSecondsOfRefusals() throws {
        var patience = BrokerPatience()
        try patience.look(inFlight: 0, at: late)
        patience.refused(at: start)
        patience.refused(at: start + .seconds(10))  // the first one counts
        try patience.look(inFlight: 0, at: late - .seconds(1))
        #expect(throws: BrokerPatience.RefusesForTooLong.self) { try patience.look(inFlight: 0, at: late) }
    }

    @Test func waitsForWhatIsOnItsWay() throws {
        var patience = BrokerPatience()
        patience.refused(at: start)
        try patience.look(inFlight: 1, at: late)
    }

    @Test func aConfirmEndsIt() throws {
        var patience = BrokerPatience()
        patience.refused(at: start)
        patience.confirmed()
        try patience.look(inFlight: 0, at: late)
        #expect(patience.isHeldUp, "until no lane waits")
        patience.relieved()
        #expect(!patience.isHeldUp && patience.trouble == nil)
    }

    @Test func saysWhatIsTheMatter() throws {
        var patience = BrokerPatience()
        #expect(patience.trouble == nil)
        patience.returned(code: 312, text: "NO_ROUTE")
        #expect(patience.trouble == "unroutable: 312 NO_ROUTE")
        patience.setBlocked("low on memory")
        #expect(patience.trouble == "the broker is blocked: low on memory")
        patience.setBlocked(nil)
        #expect(patience.isHeldUp, "a broker that is no longer blocked may still refuse")
        patience.forgetRefusals()
        #expect(patience.trouble == nil)
    }

    @Test func silenceCountsFromTheFirstThatLeftAndEndsWithAnyAnswer() throws {
        var patience = BrokerPatience()
        patience.firstLeft(at: start)
        try patience.look(inFlight: 1, at: start + .seconds(10))
        #expect(patience.trouble == nil)
        try patience.look(inFlight: 1, at: start + .seconds(12))
        #expect(patience.trouble == "no confirm for 12 s")
        patience.heard(at: start + .seconds(13))
        #expect(patience.trouble == nil)
        try patience.look(inFlight: 0, at: start + .seconds(60))
        #expect(patience.trouble == nil, "nothing is awaited")
    }

    @Test func aBlockedBrokerIsNotSilent() throws {
        var patience = BrokerPatience()
        patience.firstLeft(at: start)
        patience.setBlocked("low on disk")
        try patience.look(inFlight: 1, at: start + .seconds(60))
        patience.setBlocked(nil)
        #expect(patience.trouble == nil)
    }
}
