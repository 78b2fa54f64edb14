import Testing

@testable import Outbox
@testable import Relay

@Suite("The rows of one lane")
struct LaneQueueTests {
    /// A queue with rows of these markets, ids from 1 on; ordinals are from 0 on.
    private func queue(markets: [Int32], recordedUpTo: Int64 = 0) -> LaneQueue {
        let queue = LaneQueue(recordedUpTo: recordedUpTo)
        for (index, market) in markets.enumerated() {
            queue.append(.make(recordedUpTo + Int64(index) + 1, market: market))
        }
        return queue
    }

    @Test func theFirstOfEachSeriesIsReadyAndTheOthersWait() {
        let queue = LaneQueue(recordedUpTo: 0)
        queue.append(.make(1, market: 7))
        queue.append(.make(2, market: 7))
        queue.append(.make(3, market: 8))
        queue.append(.make(9, market: 7, kind: 1))
        #expect((0..<4).map { queue[$0].state } == [.ready, .waiting, .ready, .ready])
        #expect(queue.readUpTo == 9 && queue.recordedUpTo == 0 && queue.count == 4)
    }

    @Test func aRowBecomesReadyWhenTheOneBeforeItIsConfirmedAndNotEarlier() {
        let queue = queue(markets: [7, 7, 7])
        #expect(queue.publishFirstReady(at: .now) == 0)
        #expect(queue[0].state == .inFlight && queue[1].state == .waiting)
        queue.confirmed(0)
        #expect(queue[1].state == .ready)
        #expect(queue[1].state == .ready && queue[2].state == .waiting)
        #expect(queue.publishFirstReady(at: .now) == 1)
        queue.confirmed(1)
        #expect(queue[2].state == .ready)
        #expect(queue.publishFirstReady(at: .now) == 2)
        queue.confirmed(2)
        #expect(queue.readyCount == 0)
    }

    @Test func asManyOfASeriesAreReadyAsTheSettingSays() {
        let queue = LaneQueue(recordedUpTo: 0, seriesLimit: 2)
        for id in 1...5 as ClosedRange<Int64> { queue.append(.make(id, market: id == 4 ? 8 : 7)) }
        #expect((0..<5).map { queue[$0].state } == [.ready, .ready, .waiting, .ready, .waiting])
        for ordinal in [0, 1, 3] { #expect(queue.publishFirstReady(at: .now) == ordinal) }
        queue.confirmed(1)
        #expect(queue[2].state == .ready && queue[4].state == .waiting, "one for each confirm, the first that waits")
        queue.refused(0, isUncertain: true)
        for ordinal in [0, 2] { #expect(queue.publishFirstReady(at: .now) == ordinal) }
        queue.confirmed(0)
        #expect(queue.publishFirstReady(at: .now) == 4)
    }

    @Test func aSeriesThatIsDoneStartsAnewWithItsNextRow() {
        let queue = queue(markets: [7])
        #expect(queue.publishFirstReady(at: .now) == 0)
        queue.append(.make(2, market: 7))
        queue.confirmed(0)
        #expect(queue[1].state == .ready)
        #expect(queue.publishFirstReady(at: .now) == 1)
        queue.confirmed(1)
        #expect(queue.readyCount == 0)
        queue.append(.make(3, market: 7))
        #expect(queue[2].state == .ready)
    }

    @Test func aRefusedRowComesAgainBeforeTheOthersOfItsSeries() {
        let queue = queue(markets: [7, 7])
        #expect(queue.publishFirstReady(at: .now) == 0)
        queue.refused(0, isUncertain: false)
        #expect(queue[0].state == .ready && queue[1].state == .waiting)
        #expect(queue.readyHead == 0)
        #expect(queue.publishFirstReady(at: .now) == 0)
        queue.confirmed(0)
        #expect(queue[1].state == .ready)
    }

    @Test func theLedgerGoesAsFarAsNothingIsMissing() throws {
        let queue = queue(markets: [1, 2, 3, 4], recordedUpTo: 100)
        #expect(queue.nextLedgerEntry(lane: 0) == nil && queue.recordableCount == 0)
        for ordinal in 0..<4 { #expect(queue.publishFirstReady(at: .now) == ordinal) }
        queue.confirmed(1)
        queue.confirmed(3)
        #expect(queue.nextLedgerEntry(lane: 0) == nil)
        queue.confirmed(0)
        let entry = try #require(queue.nextLedgerEntry(lane: 0))
        #expect(entry == .init(lane: 0, afterID: 100, upToID: 102, rows: 2))
        queue.confirmed(2)
        let whole = try #require(queue.nextLedgerEntry(lane: 0))
        #expect(whole == .init(lane: 0, afterID: 100, upToID: 104, rows: 4))
    }

    @Test func whatWasConfirmedWhileAnEntryWasWrittenGoesIntoTheNextOne() throws {
        let queue = queue(markets: [1, 2, 3, 4])
        for ordinal in 0..<3 { #expect(queue.publishFirstReady(at: .now) == ordinal) }
        queue.confirmed(0)
        queue.confirmed(1)
        let first = try #require(queue.nextLedgerEntry(lane: 0))
        queue.confirmed(2)
        #expect(queue.recorded(upTo: first.upToID) == 2)
        #expect(queue.recordedUpTo == 2 && queue.count == 2)
        let second = try #require(queue.nextLedgerEntry(lane: 0))
        #expect(second == .init(lane: 0, afterID: 2, upToID: 3, rows: 1))
        #expect(queue.recorded(upTo: 3) == 1)
        #expect(queue.nextLedgerEntry(lane: 0) == nil && queue.recordableCount == 0)
    }

    @Test func placesStayTheSameWhenRowsBeforeThemAreDone() {
        let queue = queue(markets: [1, 2, 1])
        #expect(queue.publishFirstReady(at: .now) == 0)
        queue.confirmed(0)
        #expect(queue[2].state == .ready)
        #expect(queue.recorded(upTo: 1) == 1)
        #expect(!queue.contains(0) && queue.contains(1) && queue.contains(2) && !queue.contains(3))
        #expect(queue[2].row.id == 3 && queue[2].state == .ready)
        #expect(queue.readyCount == 2)
    }

    @Test func theHeadIsTheFirstRowThatNothingIsKnownOf() {
        let queue = queue(markets: [1, 1, 2])
        #expect(queue.readyHead == 0)
        #expect(queue.publishFirstReady(at: .now) == 0)
        #expect(queue.publishFirstReady(at: .now) == 2)
        #expect(queue.readyHead == nil)
        queue.confirmed(2)
        #expect(queue.readyHead == nil)
        #expect(LaneQueue(recordedUpTo: 0).readyHead == nil)
    }

    /// A window that is full of rows that only wait for the ledger needs no exemption: recording makes room.
    @Test func thereIsNoHeadWhileTheLedgerCanBeExtended() {
        let queue = queue(markets: [1, 2])
        #expect(queue.publishFirstReady(at: .now) == 0)
        queue.confirmed(0)
        #expect(queue.readyHead == nil)
        _ = queue.recorded(upTo: 1)
        #expect(queue.readyHead == 1)
    }
}

@Suite("What can't happen to a lane stops the program")
struct LaneQueuePreconditionTests {
    @Test func rowsOutOfOrder() async {
        await #expect(processExitsWith: .failure) {
            let queue = LaneQueue(recordedUpTo: 5)
            queue.append(.make(5))
        }
    }

    @Test func publishingWhenNothingIsReady() async {
        await #expect(processExitsWith: .failure) {
            let queue = LaneQueue(recordedUpTo: 0)
            queue.append(.make(1))
            queue.append(.make(2))
            _ = queue.publishFirstReady(at: .now)
            _ = queue.publishFirstReady(at: .now)
        }
    }

    @Test func aConfirmOfWhatWasNotPublished() async {
        await #expect(processExitsWith: .failure) {
            let queue = LaneQueue(recordedUpTo: 0)
            queue.append(.make(1))
            queue.confirmed(0)
        }
    }

    @Test func aRefusalOfWhatWasConfirmed() async {
        await #expect(processExitsWith: .failure) {
            let queue = LaneQueue(recordedUpTo: 0)
            queue.append(.make(1))
            _ = queue.publishFirstReady(at: .now)
            queue.confirmed(0)
            queue.refused(0, isUncertain: false)
        }
    }

    @Test func aLedgerThatEndsAtAnUnconfirmedRow() async {
        await #expect(processExitsWith: .failure) {
            let queue = LaneQueue(recordedUpTo: 0)
            queue.append(.make(1))
            queue.append(.make(2, market: 2))
            _ = queue.publishFirstReady(at: .now)
            queue.confirmed(0)
            _ = queue.recorded(upTo: 2)
        }
    }
}

@Suite("Rows that are read once more")
struct LaneQueueForgettingTests {
    @Test func whatLeftStaysAndTheRestIsReadAgain() {
        let queue = LaneQueue(recordedUpTo: 0)
        for (id, market) in [(1, 1), (2, 1), (3, 2), (4, 1), (5, 2)] as [(Int64, Int32)] {
            queue.append(.make(id, market: market))
        }
        #expect(queue.publishFirstReady(at: .now) == 0)
        #expect(queue.publishFirstReady(at: .now) == 2)
        queue.forgetUnpublished()
        #expect(queue.count == 3 && queue.readUpTo == 3)
        // What comes instead joins the series where they are.
        queue.append(.make(4, market: 1), isExcepted: true)
        queue.append(.make(5, market: 2))
        queue.append(.make(6, market: 3))
        #expect(queue[5].state == .ready)
        queue.confirmed(2)
        #expect(queue[4].state == .ready)
        queue.confirmed(0)
        #expect(queue[1].state == .ready)
        #expect(queue.publishFirstReady(at: .now) == 1)
        queue.confirmed(1)
        #expect(queue.readyCount == 2)
        let entry = queue.nextLedgerEntry(lane: 0)
        #expect(entry == .init(lane: 0, afterID: 0, upToID: 4, rows: 4, excepted: [4]))
    }

    @Test func aQueueOfWhichNothingLeftIsEmptied() {
        let queue = LaneQueue(recordedUpTo: 7)
        queue.append(.make(8))
        queue.append(.make(9))
        queue.forgetUnpublished()
        #expect(queue.count == 0 && queue.readUpTo == 7)
        queue.append(.make(8))
        #expect(queue[0].state == .ready)
    }

    @Test func whatIsBeingRecordedStays() {
        let queue = LaneQueue(recordedUpTo: 0)
        queue.append(.make(1), isExcepted: true)
        queue.append(.make(2))
        queue.forgetUnpublished()
        #expect(queue.count == 1 && queue.recorded(upTo: 1) == 0)
    }
}
