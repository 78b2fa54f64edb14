import Testing

@testable import Outbox
@testable import Relay

/// A lane with rows of these markets, ids from 1 on; ordinals are from 0 on.
private func lane(of markets: [Int32], recordedUpTo: Int64 = 0, unconfirmedPerMarket: Int = 1) -> OwnedLane {
    let lane = OwnedLane(recordedUpTo: recordedUpTo, unconfirmedPerMarket: unconfirmedPerMarket)
    for (index, market) in markets.enumerated() {
        lane.append(.make(recordedUpTo + Int64(index) + 1, market: market))
    }
    return lane
}

@Suite("The rows of one lane")
struct OwnedLaneTests {
    @Test func theFirstOfEachSeriesLeavesAndTheOthersWait() {
        let lane = OwnedLane(recordedUpTo: 0)
        lane.append(.make(1, market: 7))
        lane.append(.make(2, market: 7))
        lane.append(.make(3, market: 8))
        lane.append(.make(9, market: 7, kind: 1))
        #expect(lane.readyCount == 3 && lane.readUpTo == 9 && lane.recordedUpTo == 0 && lane.count == 4)
        #expect(lane.publishAll() == [0, 2, 3])
        #expect((0..<4).map { lane[$0].state } == [.inFlight, .waiting, .inFlight, .inFlight])
    }

    @Test func aRowLeavesWhenTheOneBeforeItIsConfirmedAndNotEarlier() {
        let lane = lane(of: [7, 7, 7])
        for ordinal in 0..<3 {
            #expect(lane.publishAll() == [ordinal])
            lane.confirmed(ordinal)
        }
        #expect(lane.readyCount == 0 && lane.publishAll().isEmpty)
    }

    @Test func aSeriesThatIsDoneStartsAnewWithItsNextRow() {
        let lane = lane(of: [7])
        #expect(lane.publishAll() == [0])
        lane.append(.make(2, market: 7))
        lane.confirmed(0)
        #expect(lane.publishAll() == [1])
        lane.confirmed(1)
        lane.recorded(upTo: 2)
        lane.append(.make(3, market: 7))
        #expect(lane.publishAll() == [2])
    }

    @Test func aRefusedRowComesAgainBeforeTheOthersOfItsSeries() {
        let lane = lane(of: [7, 7])
        #expect(lane.publishAll() == [0])
        lane.refused(0, isUncertain: false)
        #expect(lane.isHeadReady && lane.readyCount == 1)
        #expect(lane.publishAll() == [0])
        lane.confirmed(0)
        #expect(lane.publishAll() == [1])
    }

    @Test func theLedgerGoesAsFarAsNothingIsMissing() throws {
        let lane = lane(of: [1, 2, 3, 4], recordedUpTo: 100)
        #expect(lane.nextLedgerEntry == nil && lane.recordableCount == 0)
        #expect(lane.publishAll() == [0, 1, 2, 3])
        lane.confirmed(1)
        lane.confirmed(3)
        #expect(lane.nextLedgerEntry == nil)
        lane.confirmed(0)
        #expect(lane.nextLedgerEntry == LedgerEntry(lane: 0, afterID: 100, upToID: 102, rows: 2))
        lane.confirmed(2)
        #expect(lane.nextLedgerEntry == LedgerEntry(lane: 0, afterID: 100, upToID: 104, rows: 4))
    }

    @Test func whatWasConfirmedWhileAnEntryWasWrittenGoesIntoTheNextOne() throws {
        let lane = lane(of: [1, 2, 3, 4])
        for ordinal in 0..<3 { #expect(lane.publishFirstReady(at: .now) == ordinal) }
        lane.confirmed(0)
        lane.confirmed(1)
        let first = try #require(lane.nextLedgerEntry)
        lane.confirmed(2)
        lane.recorded(upTo: first.upToID)
        #expect(lane.recordedUpTo == 2 && lane.count == 2 && lane.unrecordedCount == 1)
        #expect(lane.nextLedgerEntry == LedgerEntry(lane: 0, afterID: 2, upToID: 3, rows: 1))
        lane.recorded(upTo: 3)
        #expect(lane.nextLedgerEntry == nil && lane.recordableCount == 0 && lane.unrecordedCount == 0)
    }

    @Test func placesStayTheSameWhenRowsBeforeThemAreDone() {
        let lane = lane(of: [1, 2, 1])
        #expect(lane.publishFirstReady(at: .now) == 0)
        lane.confirmed(0)
        lane.recorded(upTo: 1)
        #expect(lane[2].row.id == 3 && lane.readyCount == 2)
        #expect(lane.publishAll() == [1, 2])
    }

    @Test func theHeadIsTheFirstRowThatNothingIsKnownOf() {
        let lane = lane(of: [1, 1, 2])
        #expect(lane.isHeadReady)
        #expect(lane.publishAll() == [0, 2])
        #expect(!lane.isHeadReady)
        lane.confirmed(2)
        #expect(!lane.isHeadReady)
        #expect(!OwnedLane(recordedUpTo: 0).isHeadReady)
    }

    /// A window that is full of rows that only wait for the ledger needs no exemption: recording makes room.
    @Test func thereIsNoHeadWhileTheLedgerCanBeExtended() {
        let lane = lane(of: [1, 2])
        #expect(lane.publishFirstReady(at: .now) == 0)
        lane.confirmed(0)
        #expect(!lane.isHeadReady)
        lane.recorded(upTo: 1)
        #expect(lane.isHeadReady)
    }

    @Test func aPauseBeginsOnceAndGrowsUntilTheBrokerTakesMessages() throws {
        let lane = lane(of: [1])
        for _ in 0..<8 {
            #expect(lane.pause() != nil && lane.pause() == nil && !lane.mayLeave(isDraining: false))
            lane.resume()
            #expect(lane.mayLeave(isDraining: false))
        }
        lane.calm()
        #expect(try #require(lane.pause()) <= .milliseconds(100))
    }
}

@Suite("Several of a market and kind on their way")
struct OwnedLaneGoingBackTests {
    @Test func asManyLeaveAsTheLimitSays() {
        let lane = lane(of: [7, 7, 7, 8, 7], unconfirmedPerMarket: 2)
        #expect(lane.readyCount == 3)
        #expect(lane.publishAll() == [0, 1, 3])
        lane.confirmed(1)
        #expect(lane.publishAll() == [2])
        lane.confirmed(0)
        #expect(lane.publishAll() == [4])
    }

    @Test func eachNamesTheOneBeforeItAndTheFirstNone() {
        let lane = lane(of: [7, 8, 7, 7], recordedUpTo: 10, unconfirmedPerMarket: 3)
        #expect(lane.publishAll() == [0, 1, 2, 3])
        #expect(lane.previousIDs(0..<4) == [nil, nil, 11, 13])
        for ordinal in 0..<4 { lane.confirmed(ordinal) }
        lane.recorded(upTo: 14)
        lane.append(.make(20, market: 7))
        #expect(lane.publishAll() == [4] && lane.previousIDs(4..<5) == [14])
    }

    @Test func anExceptedRowIsNoLinkOfTheChain() {
        let lane = OwnedLane(recordedUpTo: 0, unconfirmedPerMarket: 3)
        for id in 1...3 as ClosedRange<Int64> { lane.append(.make(id), isExcepted: id == 2) }
        #expect(lane.publishAll() == [0, 2] && lane.previousIDs(0..<3) == [nil, nil, 1])
    }

    /// Else it would overtake those that are sent again.
    @Test func nothingOfTheSeriesLeavesUntilAllOnItsWayIsSettled() {
        let lane = lane(of: [7, 7, 7, 7, 8], unconfirmedPerMarket: 3)
        #expect(lane.publishAll() == [0, 1, 2, 4])
        lane.refused(1, isUncertain: true)
        #expect(lane.publishAll().isEmpty && lane.readyCount == 0)
        lane.confirmed(0)
        #expect(lane.publishAll().isEmpty)
        lane.confirmed(2)
        #expect(lane.publishAll() == [1, 2, 3] && lane.previousIDs(1..<4) == [1, 2, 3])
    }

    @Test func whatWasConfirmedBehindARefusalCountsAsUnconfirmedAgain() {
        let lane = lane(of: [7, 7, 7], unconfirmedPerMarket: 3)
        #expect(lane.publishAll() == [0, 1, 2])
        lane.confirmed(2)
        lane.confirmed(0)
        lane.refused(1, isUncertain: true)
        #expect(lane.unrecordedCount == 1 && lane.recordableCount == 1)
        #expect(lane.publishAll() == [1, 2])
        #expect(lane[1].row.isPossiblyRedelivered && lane[2].row.isPossiblyRedelivered)
        lane.confirmed(1)
        #expect(lane.nextLedgerEntry?.upToID == 2, "the second copy of row 3 is not confirmed yet")
        lane.confirmed(2)
        #expect(lane.nextLedgerEntry?.upToID == 3)
    }

    @Test func otherSeriesDoNotGoBack() {
        let lane = lane(of: [7, 8, 7, 8], unconfirmedPerMarket: 2)
        #expect(lane.publishAll() == [0, 1, 2, 3])
        for ordinal in [1, 2, 3] { lane.confirmed(ordinal) }
        lane.refused(0, isUncertain: false)
        #expect(lane.publishAll() == [0, 2])
        #expect(!lane[0].row.isPossiblyRedelivered && lane[2].row.isPossiblyRedelivered)
    }

    @Test func theEarliestRefusalCounts() {
        let lane = lane(of: [7, 7, 7, 7], unconfirmedPerMarket: 4)
        #expect(lane.publishAll() == [0, 1, 2, 3])
        for ordinal in [2, 1, 3] { lane.refused(ordinal, isUncertain: true) }
        #expect(lane.publishAll().isEmpty)
        lane.confirmed(0)
        #expect(lane.publishAll() == [1, 2, 3])
    }

    @Test func aSmallerLimitHoldsAtOnceAndALargerOneToo() {
        let lane = lane(of: [7, 7, 7, 7, 7], unconfirmedPerMarket: 3)
        #expect(lane.publishFirstReady(at: .now) == 0)
        lane.setSeriesLimit(1)
        #expect(lane.readyCount == 0 && lane.publishAll().isEmpty)
        lane.confirmed(0)
        #expect(lane.publishAll() == [1])
        lane.setSeriesLimit(3)
        #expect(lane.readyCount == 2 && lane.publishAll() == [2, 3])
    }

    @Test func aRefusalWhileTheNextOneIsReadyTakesItBack() {
        let lane = lane(of: [7, 7, 7, 8], unconfirmedPerMarket: 3)
        #expect(lane.publishFirstReady(at: .now) == 0 && lane.publishFirstReady(at: .now) == 1)
        lane.refused(0, isUncertain: false)
        #expect(lane.publishAll() == [3])
        lane.confirmed(1)
        #expect(lane.publishAll() == [0, 1, 2])
    }
}

@Suite("What can't happen to a lane stops the program")
struct OwnedLanePreconditionTests {
    @Test func rowsOutOfOrder() async {
        await #expect(processExitsWith: .failure) {
            let lane = OwnedLane(recordedUpTo: 5)
            lane.append(.make(5))
        }
    }

    @Test func publishingWhenNothingIsReady() async {
        await #expect(processExitsWith: .failure) {
            let lane = OwnedLane(recordedUpTo: 0)
            lane.append(.make(1))
            lane.append(.make(2))
            _ = lane.publishFirstReady(at: .now)
            _ = lane.publishFirstReady(at: .now)
        }
    }

    @Test func aConfirmOfWhatWasNotPublished() async {
        await #expect(processExitsWith: .failure) {
            let lane = OwnedLane(recordedUpTo: 0)
            lane.append(.make(1))
            lane.confirmed(0)
        }
    }

    @Test func aRefusalOfWhatWasConfirmed() async {
        await #expect(processExitsWith: .failure) {
            let lane = OwnedLane(recordedUpTo: 0)
            lane.append(.make(1))
            _ = lane.publishFirstReady(at: .now)
            lane.confirmed(0)
            lane.refused(0, isUncertain: false)
        }
    }

    @Test func aLedgerThatEndsAtAnUnconfirmedRow() async {
        await #expect(processExitsWith: .failure) {
            let lane = OwnedLane(recordedUpTo: 0)
            lane.append(.make(1))
            lane.append(.make(2, market: 2))
            _ = lane.publishFirstReady(at: .now)
            lane.confirmed(0)
            lane.recorded(upTo: 2)
        }
    }
}

@Suite("Rows that are read once more")
struct OwnedLaneReadingAgainTests {
    @Test func whatLeftStaysAndTheRestIsReadAgain() {
        let lane = lane(of: [1, 1, 2, 1, 2])
        #expect(lane.publishAll() == [0, 2])
        lane.readAgain()
        #expect(lane.count == 3 && lane.readUpTo == 3 && lane.isUnread)
        // What comes instead joins the series where they are.
        lane.append(.make(4, market: 1), isExcepted: true)
        lane.append(.make(5, market: 2))
        lane.append(.make(6, market: 3))
        #expect(lane.publishAll() == [5])
        lane.confirmed(2)
        #expect(lane.publishAll() == [4])
        lane.confirmed(0)
        #expect(lane.publishAll() == [1])
        lane.confirmed(1)
        #expect(lane.readyCount == 0)
        #expect(lane.nextLedgerEntry == LedgerEntry(lane: 0, afterID: 0, upToID: 4, rows: 4, excepted: [4]))
    }

    @Test func aLaneOfWhichNothingLeftIsEmptied() {
        let lane = lane(of: [1, 1], recordedUpTo: 7)
        lane.readAgain()
        #expect(lane.count == 0 && lane.readUpTo == 7)
        lane.append(.make(8))
        #expect(lane.publishAll() == [0])
    }

    @Test func whatIsBeingRecordedStays() {
        let lane = OwnedLane(recordedUpTo: 0)
        lane.append(.make(1), isExcepted: true)
        lane.append(.make(2))
        lane.readAgain()
        lane.recorded(upTo: 1)
        #expect(lane.count == 0 && lane.unrecordedCount == 0)
    }

    /// The broker may have taken it though it refused it, and so may whoever follows the chain: it begins anew, once nothing is
    /// on its way.
    @Test func aRefusedRowIsReadAgainWithItsMarkAndBeginsAChain() {
        let lane = lane(of: [7, 7, 7], unconfirmedPerMarket: 2)
        #expect(lane.publishAll() == [0, 1])
        lane.confirmed(0)
        lane.refused(1, isUncertain: true)
        lane.readAgain()
        #expect(lane.count == 1)
        lane.append(.make(2, market: 7), isExcepted: true)
        lane.append(.make(3, market: 7))
        lane.append(.make(4, market: 7))
        #expect(lane.publishAll() == [2, 3] && lane.previousIDs(2..<4) == [nil, 3])
    }

    @Test func aMarkOutlivesReadingAgain() {
        let lane = lane(of: [7, 8])
        #expect(lane.publishAll() == [0, 1])
        for ordinal in [1, 0] { lane.refused(ordinal, isUncertain: true) }
        lane.readAgain()
        for id in 1...3 as ClosedRange<Int64> { lane.append(.make(id, market: Int32(id) + 6)) }
        #expect((0..<3).map { lane[$0].row.isPossiblyRedelivered } == [true, true, false])
    }

    @Test func aChainBeginsOnlyWhenNothingIsOnItsWay() {
        let lane = lane(of: [7, 7, 7], unconfirmedPerMarket: 2)
        #expect(lane.publishFirstReady(at: .now) == 0)
        lane.readAgain()
        lane.append(.make(2, market: 7))
        #expect(lane.publishAll().isEmpty)
        lane.confirmed(0)
        #expect(lane.publishAll() == [1] && lane.previousIDs(1..<2) == [nil])
    }
}

@Suite("Rows that the owner before may have published")
struct SuspicionTests {
    private func marks(_ claim: LaneLedger.Claim, _ times: [Int64]) -> [Bool] {
        let lane = OwnedLane(claim)
        for (index, time) in times.enumerated() { lane.append(.make(Int64(index) + 1, createdAt: time)) }
        return times.indices.map { lane[$0].row.isPossiblyRedelivered }
    }

    @Test func noneThatIsYoungerThanTheClaim() {
        #expect(marks(.make(isUnclean: true, at: 1000), [999, 1000, 1001, 999]) == [true, true, false, false])
        #expect(marks(.make(isUnclean: false, at: 1000), [999, 1000]) == [false, false])
    }

    @Test func asManyAsTheOwnerBeforeMayHavePublished() {
        let most = RelaySettings.windowSizes.upperBound
        let marks = marks(.make(isUnclean: true, at: 1000), [Int64](repeating: 1, count: most + 2))
        #expect(marks.count(where: \.self) == most && marks.prefix(most).allSatisfy(\.self))
    }

    @Test func theLaneIsLeftInGoodOrderOnceNothingIsSuspect() {
        let lane = OwnedLane(.make(isUnclean: true, at: 1000))
        #expect(!lane.isClean)
        lane.append(.make(1, createdAt: 1))
        lane.wasRead(toItsEnd: true)
        #expect(!lane.isClean)
        #expect(lane.publishAll() == [0])
        lane.confirmed(0)
        lane.recorded(upTo: 1)
        #expect(lane.isClean)
    }

    /// They were marked, read to the end and forgotten: the mark must come again.
    @Test func whatIsReadOnceMoreIsStillSuspect() {
        let lane = OwnedLane(.make(isUnclean: true, at: 1000))
        lane.append(.make(1, createdAt: 1))
        lane.wasRead(toItsEnd: true)
        lane.readAgain()
        lane.append(.make(1, createdAt: 1))
        lane.append(.make(2, createdAt: 1001))
        #expect(lane[0].row.isPossiblyRedelivered && !lane[1].row.isPossiblyRedelivered)
    }
}
