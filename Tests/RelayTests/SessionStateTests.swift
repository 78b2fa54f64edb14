import Testing

@testable import AMQP
@testable import Outbox
@testable import Relay

/// A session whose events are handed to it, and which says what it would do.
struct Session {
    var state: SessionState
    var now = ContinuousClock.now
    /// What was said, in order.
    private(set) var news: [SessionNews] = []

    init(windowSize: Int = 64, unconfirmedPerMarket: Int = 1, poison: PoisonRows = PoisonRows()) {
        state = SessionState(
            windowSize: windowSize, unconfirmed: UnconfirmedLimit(most: unconfirmedPerMarket), poison: poison, at: now)
    }

    /// - Returns: what it does then, but for what it says.
    @discardableResult
    mutating func on(_ event: SessionEvent, after wait: Duration = .zero) -> [String] {
        now += wait
        state.receive(event, at: now)
        return state.nextActions(at: now).compactMap { action in
            switch action {
            case .publish(let rows, let tag): return "publish \(rows.map(\.row.id)) from \(tag)"
            case .begin(let work): return describe(work)
            case .giveUp(let error): return "give up: \(error)"
            case .finish: return "finish"
            case .say(let news):
                self.news.append(news)
                return nil
            }
        }
    }

    private func describe(_ work: SessionWork) -> String {
        switch work {
        case .read(let requests): "read \(requests.map { "\($0.lane) after \($0.afterID)" })"
        case .record(let entries): "record \(entries.map { "\($0.lane) up to \($0.upToID)" })"
        case .countRelays: "count"
        case .claim(let lanes, let limit): "claim \(limit) of \(lanes.count)"
        case .release(let lanes, let clean): "release \(lanes), clean \(clean)"
        case .park(let rows): "park \(rows.map(\.id))"
        case .wait(let lane, _, _): "wait \(lane)"
        case .ensureQueue: "ensure queue"
        case .waitForLedger: "wait for the ledger"
        }
    }

    /// The answer to the last read: rows of markets, one after another, of lane 0.
    static func rows(
        _ ids: [Int64], markets: [Int32]? = nil, after: Int64 = 0, claim: Int = 1, excepted: Set<Int64> = []
    ) -> SessionEvent {
        .read(
            ReadAnswer(
                requests: [.make(0, after, 1000, claim: claim)],
                rows: ids.enumerated().map { (0, .make($1, market: markets?[$0] ?? Int32($1))) }, excepted: excepted,
                byteCount: 100 * ids.count))
    }

    /// The troubles of the output queue that were told; nil for none.
    var troubles: [String?] {
        news.compactMap { if case .outputQueue(let trouble) = $0 { .some(trouble) } else { nil } }
    }
}

/// One that owns lane 0 and has read nothing yet.
private func session(unconfirmedPerMarket: Int = 1, windowSize: Int = 64, claim: LaneLedger.Claim = .make(0)) -> Session
{
    var session = Session(windowSize: windowSize, unconfirmedPerMarket: unconfirmedPerMarket)
    session.on(.claimed([claim]))
    return session
}

@Suite("A session's lanes")
struct SessionLanesTests {
    @Test func countsRelaysAndTakesItsShare() {
        var session = Session()
        #expect(session.on(.balanceDue) == ["count"])
        #expect(session.on(.balanceDue).isEmpty, "one at a time")
        #expect(session.on(.counted(LaneShare(relays: 2, rank: 0))) == ["claim 8 of 16"])
        #expect(session.on(.claimed([.make(0, recordedUpTo: 7)])) == ["read [\"0 after 7\"]"])
        guard case .tookLanes(let claims, let owned) = session.news.last else { return #expect(Bool(false)) }
        #expect(claims.map(\.lane) == [0] && owned == 1)
    }

    @Test func nothingToTakeIsNoNews() {
        var session = Session()
        session.on(.claimed([]))
        session.on(.balanceDue)
        session.on(.counted(LaneShare(relays: 2, rank: 0)))
        let before = session.news.count
        #expect(session.on(.claimed([])).isEmpty && session.news.count == before)
        #expect(session.on(.balanceDue) == ["count"])
    }

    @Test func givesUpWhatIsTooMuchOnceItIsInTheLedger() {
        var session = Session()
        session.on(.claimed([.make(0), .make(1)]))
        session.on(Session.rows([1, 2]))
        #expect(session.on(.counted(LaneShare(relays: 16, rank: 0))) == ["release [1], clean [1]"])
        #expect(session.on(.released).isEmpty)
        #expect(session.on(.counted(LaneShare(relays: 17, rank: 16))).isEmpty, "rows are on their way")
        #expect(session.on(.settled([.confirmed(1...2)])) == ["record [\"0 up to 2\"]"])
        #expect(session.on(.recorded(session.state.window.ledgerEntries)) == ["release [0], clean [0]"])
        #expect(session.state.window.ownedNumbers.isEmpty)
    }

    @Test func aLaneThatWasLeftUncleanSaysSo() {
        var session = session(claim: .make(0, isUnclean: true, at: 1))
        #expect(session.on(.counted(LaneShare(relays: 17, rank: 16))) == ["release [0], clean []"])
    }

    @Test func takesNothingWhileItDrains() {
        var session = Session()
        session.on(.balanceDue)
        session.on(.drain)
        #expect(session.on(.balanceDue).isEmpty)
        #expect(session.on(.counted(LaneShare(relays: 1, rank: 0))) == ["finish"])
    }

    @Test func parksBeforeItReads() {
        var poison = PoisonRows()
        let error = AMQPError(.closedByBroker(501), "frame error")
        for _ in 0..<PoisonRows.attempts { poison.note(error, inFlight: [(0, 5, nil)]) }
        var session = Session(poison: poison)
        #expect(session.on(.claimed([.make(0)])) == ["park [5]"])
        #expect(session.on(.parked) == ["read [\"0 after 0\"]"])
    }
}

@Suite("A session's reading")
struct SessionReadingTests {
    @Test func readsOnWhenItIsWokenAndOnceAtATime() {
        var session = session()
        #expect(session.on(.woken).isEmpty, "the first read is not answered")
        #expect(session.on(Session.rows([1])) == ["read [\"0 after 1\"]", "publish [1] from 1"])
    }

    @Test func anAnswerThatIsFullMeansThatThereIsMore() {
        var session = session()
        let full = ReadAnswer(
            requests: [.make(0, 0, 1)], rows: [(0, .make(1))], excepted: [], byteCount: 1)
        #expect(session.on(.read(full)) == ["read [\"0 after 1\"]", "publish [1] from 1"])
        #expect(session.on(Session.rows([], after: 1)).isEmpty)
    }

    /// It was cut short by its bytes, not by its rows.
    @Test func anAnswerOfLargeRowsMeansThatThereMayBeMore() {
        var session = session()
        let large = ReadAnswer(
            requests: [.make(0, 0, 1000)], rows: [(0, .make(1, bytes: OutboxReader.bytesPerLane))], excepted: [],
            byteCount: OutboxReader.bytesPerLane)
        #expect(session.on(.read(large)) == ["read [\"0 after 1\"]", "publish [1] from 1"])
    }

    @Test func nothingIsReadWhileLargeRowsAreHeld() {
        var session = session()
        let large = ReadAnswer(
            requests: [.make(0, 0, 1000)], rows: [(0, .make(1, bytes: 40 << 20))], excepted: [], byteCount: 40 << 20)
        #expect(session.on(.read(large)) == ["publish [1] from 1"])
        session.on(.settled([.confirmed(1...1)]))
        #expect(session.on(.recorded(session.state.window.ledgerEntries)) == ["read [\"0 after 1\"]"])
    }

    @Test func anAnswerForAnEarlierOwnershipIsDropped() {
        var session = session()
        session.on(.counted(LaneShare(relays: 17, rank: 16)))
        session.on(.released)
        #expect(session.on(.claimed([.make(0)])).isEmpty, "it still reads for the ownership before")
        #expect(session.on(Session.rows([1])) == ["read [\"0 after 0\"]"])
        #expect(session.on(Session.rows([1], claim: 2)) == ["publish [1] from 1"])
    }

    @Test func whatWasSupersededIsReadAgainAndAnOldAnswerDropped() {
        var session = session()
        session.on(Session.rows([1, 2, 3], markets: [1, 1, 1]))
        #expect(session.on(.superseded) == ["read [\"0 after 1\"]"])
        session.on(.superseded)
        #expect(
            session.on(Session.rows([2, 3], markets: [1, 1], after: 1, excepted: [2])) == ["read [\"0 after 3\"]"])
        #expect(session.on(.settled([.confirmed(1...1)])) == ["publish [3] from 2"])
        #expect(session.on(.settled([.confirmed(2...2)])) == ["record [\"0 up to 3\"]"])
    }

    @Test func aRowOfALaneThatIsNotOwnedIsLeftAlone() {
        var session = session()
        let answer = ReadAnswer(requests: [.make(5, 0, 9)], rows: [(5, .make(1))], excepted: [], byteCount: 1)
        #expect(session.on(.read(answer)).isEmpty)
        #expect(session.state.window[5] == nil && session.state.window.inFlightCount == 0)
    }
}

@Suite("A session's publishing")
struct SessionPublishingTests {
    @Test func confirmsAreRecordedAndTheNextOfTheSeriesLeaves() {
        var session = session()
        #expect(session.on(Session.rows([1, 2], markets: [7, 7])) == ["publish [1] from 1"])
        #expect(session.on(.settled([.confirmed(1...1)])) == ["publish [2] from 2"])
        #expect(session.on(.settled([.confirmed(2...2)])) == ["record [\"0 up to 2\"]"])
        session.on(Session.rows([3], after: 2))
        #expect(session.on(.settled([.confirmed(3...3)])).isEmpty, "one extension at a time")
    }

    @Test func underLoadTheLedgerIsExtendedEvery20Milliseconds() {
        var session = session()
        session.on(Session.rows([1, 2, 3]))
        #expect(session.on(.settled([.confirmed(1...1)])).isEmpty)
        #expect(session.on(.balanceDue, after: .milliseconds(20)) == ["count", "record [\"0 up to 1\"]"])
    }

    @Test func aRefusedRowMakesItsLaneWaitAndComesAgain() {
        var session = session()
        session.on(Session.rows([1]))
        #expect(session.troubles == [nil])
        #expect(session.on(.settled([.refused(1...1)])) == ["wait 0"])
        #expect(session.troubles.last == "the broker refuses messages (is the queue full?)")
        #expect(session.on(.resume(lane: 0, claim: 9)).isEmpty, "another ownership's pause")
        #expect(session.on(.resume(lane: 0, claim: 1)) == ["publish [1] from 2"])
        #expect(session.troubles.count == 2, "until something is confirmed")
        #expect(session.on(.settled([.confirmed(2...2)])) == ["record [\"0 up to 1\"]"])
        #expect(session.troubles == [nil, "the broker refuses messages (is the queue full?)", nil])
    }

    @Test func aReturnedRowHasTheQueueMadeOnce() {
        var session = session()
        session.on(Session.rows([1, 2]))
        let returned = Outcome.returned(tag: 1, code: 312, text: "NO_ROUTE")
        #expect(session.on(.settled([returned])) == ["wait 0", "ensure queue"])
        #expect(session.on(.settled([.returned(tag: 2, code: 312, text: "NO_ROUTE")])).isEmpty)
        session.on(.queueIsThere)
        #expect(session.on(.resume(lane: 0, claim: 1)) == ["publish [1, 2] from 3"])
        #expect(!session.state.window.inFlightRows[0].row.isPossiblyRedelivered, "it came back: nobody has it")
    }

    @Test func whatNobodyWaitsForAnyMoreIsNoTrouble() {
        var session = session()
        session.on(Session.rows([1]))
        session.on(.settled([.refused(1...1)]))
        session.on(.superseded)
        session.on(.resume(lane: 0, claim: 1))
        #expect(session.troubles.count == 3 && session.troubles.last == .some(nil))
    }

    @Test func aBlockedBrokerIsToldOnce() {
        var session = session()
        session.on(.blocked("low on memory"))
        session.on(.blocked("low on memory"))
        session.on(.blocked(nil))
        #expect(session.troubles == [nil, "the broker is blocked: low on memory", nil])
    }

    /// It may be full all the same: only a confirm, or nothing that waits, says that it delivers.
    @Test func unblockedIsNotDeliveringWhileALaneWaits() {
        var session = session()
        session.on(Session.rows([1]))
        session.on(.settled([.refused(1...1)]))
        session.on(.blocked("low on memory"))
        session.on(.blocked(nil))
        #expect(session.troubles.last == "the broker refuses messages (is the queue full?)")
    }

    @Test func aBrokerThatIsSilentIsTold() {
        var session = session()
        session.on(Session.rows([1]))
        #expect(session.on(.lookAtBroker, after: .seconds(11)).isEmpty)
        #expect(session.troubles.last == "no confirm for 11 s")
        session.on(.settled([.confirmed(1...1)]))
        #expect(session.troubles.last == .some(nil))
    }

    @Test func aBrokerThatRefusesEverythingIsLeft() {
        var session = session()
        session.on(Session.rows([1]))
        session.on(.settled([.refused(1...1)]))
        #expect(session.on(.lookAtBroker, after: .seconds(9)).isEmpty)
        #expect(session.on(.lookAtBroker, after: .seconds(1)).first?.hasPrefix("give up: nothing but refusals") == true)
    }

    @Test func rowsInQuestionLeaveOneAtATime() {
        var poison = PoisonRows()
        poison.note(AMQPError(.closedByBroker(501), "frame error"), inFlight: [(0, 1, nil), (0, 2, nil)])
        var session = Session(poison: poison)
        session.on(.claimed([.make(0)]))
        #expect(session.on(Session.rows([1, 2, 3, 4])) == ["publish [1] from 1"])
        #expect(session.on(.settled([.confirmed(1...1)])) == ["publish [2] from 2"])
        #expect(session.on(.settled([.confirmed(2...2)])) == ["publish [3, 4] from 3"], "both are cleared")
    }
}

@Suite("A session whose ledger takes no entry")
struct SessionLedgerTests {
    private func ledgerTroubles(_ session: Session) -> [String?] {
        session.news.compactMap { if case .ledger(let trouble) = $0 { .some(trouble) } else { nil } }
    }

    @Test func publishesNothingUntilItDoesAndRepeatsNothing() {
        var session = session()
        session.on(Session.rows([1, 2, 3], markets: [1, 2, 1]))
        #expect(session.on(.settled([.confirmed(1...2)])) == ["publish [3] from 3"])
        #expect(session.on(.settled([.confirmed(3...3)])) == ["record [\"0 up to 3\"]"])
        session.on(Session.rows([4], after: 3))
        session.on(.settled([.confirmed(4...4)]))
        #expect(session.on(.notRecorded(reason: "disk full")) == ["wait for the ledger"])
        #expect(session.on(.woken) == ["read [\"0 after 4\"]"])
        #expect(session.on(Session.rows([5], after: 4)).isEmpty, "nothing leaves")
        #expect(session.on(.recordAgain) == ["record [\"0 up to 4\"]"])
        #expect(session.on(.notRecorded(reason: "disk full")) == ["wait for the ledger"])
        session.on(.recordAgain)
        #expect(session.on(.recorded(session.state.window.ledgerEntries)) == ["publish [5] from 5"])
        #expect(ledgerTroubles(session) == [nil, "disk full", nil], "what passes at the second try is no news")
    }

    @Test func takesNoMoreLanesMeanwhile() {
        var session = session()
        session.on(Session.rows([1]))
        session.on(.settled([.confirmed(1...1)]))
        session.on(.notRecorded(reason: "locked"))
        #expect(session.on(.balanceDue) == ["count"], "its session must be heard of")
        #expect(session.on(.counted(LaneShare(relays: 1, rank: 0))).isEmpty)
    }

    /// The server may have given its lanes away while this program was stopped.
    @Test func publishesNothingWhenTheLedgerHasNotAnsweredForLong() {
        var session = session()
        #expect(session.on(Session.rows([1], after: 0), after: .seconds(10)).isEmpty)
        #expect(session.on(.balanceDue) == ["count"])
        #expect(session.on(.counted(LaneShare(relays: 16, rank: 0))) == ["publish [1] from 1"])
    }
}

@Suite("A session that has several of a market on their way")
struct SessionGoingBackTests {
    @Test func goesBackAndThenOneAtATimeUntilTheBrokerIsTrustedAgain() {
        var session = session(unconfirmedPerMarket: 3)
        #expect(session.on(Session.rows([1, 2, 3, 4], markets: [7, 7, 7, 7])) == ["publish [1, 2, 3] from 1"])
        session.on(.settled([.confirmed(3...3), .refused(1...1)]))
        #expect(session.on(.settled([.confirmed(2...2)])).isEmpty, "the lane waits")
        #expect(session.on(.resume(lane: 0, claim: 1)) == ["publish [1] from 4"])
        #expect(session.on(.settled([.confirmed(4...4)])) == ["publish [2] from 5"])
        #expect(session.on(.settled([.confirmed(5...5)])) == ["publish [3] from 6"])
    }

    @Test func oneRefusalCountsForAllMarkets() {
        var session = session(unconfirmedPerMarket: 2)
        #expect(session.on(Session.rows([1, 2, 3, 4], markets: [7, 8, 8, 8])) == ["publish [1, 2, 3] from 1"])
        session.on(.settled([.refused(1...1)]))
        session.on(.resume(lane: 0, claim: 1))
        #expect(session.on(.settled([.confirmed(2...3)])) == ["publish [1, 4] from 4"])
        #expect(session.state.window.unconfirmedPerMarket == 1)
    }
}

@Suite("How many of a market may be unconfirmed")
struct UnconfirmedLimitTests {
    @Test func oneAfterARefusalUntilManyConfirms() {
        var limit = UnconfirmedLimit(most: 64)
        #expect(limit.current == 64)
        limit.refused()
        limit.confirmed(9999)
        #expect(limit.current == 1)
        limit.confirmed(1)
        #expect(limit.current == 64)
    }

    @Test func oneAtFirstWhereTheQueueRefuses() {
        #expect(UnconfirmedLimit(most: 64, isTrusted: false).current == 1)
    }
}

@Suite("A session's end")
struct SessionEndTests {
    @Test func drainsWhatIsOnItsWayAndBeginsNothing() {
        var session = session()
        session.on(Session.rows([1, 2], markets: [7, 7]))
        #expect(session.on(.drain).isEmpty)
        #expect(session.on(.settled([.confirmed(1...1)])) == ["record [\"0 up to 1\"]"])
        #expect(session.on(.recorded(session.state.window.ledgerEntries)) == ["finish"])
        #expect(session.state.window.cleanNumbers == [0])
    }

    /// The server would end its session, and give its lanes away.
    @Test func isHeardOfWhileItDrains() {
        var session = session()
        session.on(Session.rows([1]))
        session.on(.drain)
        #expect(session.on(.balanceDue) == ["count"])
        #expect(session.on(.counted(LaneShare(relays: 1, rank: 0))).isEmpty)
    }

    @Test func aFailureLeavesWhatCanBeRecordedAndTheRowsInQuestion() {
        var session = session()
        session.on(Session.rows([1, 2]))
        let entries = session.state.fail(
            AMQPError(.closedByBroker(501), "frame error"), rest: [.settled([.confirmed(1...1)]), .woken])
        #expect(entries == [LedgerEntry(lane: 0, afterID: 0, upToID: 1, rows: 1)])
        #expect(session.state.poison.attempt(2) == 2 && session.state.poison.attempt(1) == 1)
    }

    @Test func whatWasRecordedMeanwhileIsNotRecordedAgain() {
        var session = session()
        session.on(Session.rows([1, 2]))
        session.on(.settled([.confirmed(1...2)]))
        let entries = session.state.window.ledgerEntries
        #expect(session.state.fail(CancellationError(), rest: [.recorded(entries)]).isEmpty)
    }
}
