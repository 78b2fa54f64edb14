import Testing

@testable import Outbox
@testable import Relay

@Suite("What the broker did not take")
struct WindowRefusalTests {
    @Test func theLaneWaitsAndTheOthersGoOn() {
        var window = window()
        for id in 1...4 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: Int(id % 2)) }
        #expect(window.publish(from: 1, limit: 2) == [1, 2])
        #expect(window.refuse(1...1) == [1])
        #expect(window.pausedNumbers == [1])
        #expect(window.inFlightCount == 1 && window.unrecordedCount == 1 && window.inFlightBytes == 100)
        #expect(window.publish(from: 3) == [4])
        window[1]?.resume()
        #expect(window.publish(from: 4) == [1, 3])
    }

    @Test func nothingOfTheSeriesOvertakes() {
        var window = window(lanes: 1)
        for id in 1...3 as ClosedRange<Int64> { window.append(.make(id, market: 1), lane: 0) }
        #expect(window.publish(from: 1) == [1])
        for round in 0..<3 as Range<UInt64> {
            #expect(window.refuse((round + 1)...(round + 1)) == [0])
            #expect(window.publish(from: round + 2).isEmpty)
            window[0]?.resume()
            #expect(window.publish(from: round + 2) == [1])
        }
        window.confirmed(4...4)
        #expect(window.publish(from: 5) == [2])
    }

    @Test func severalRefusedRowsComeAgainInTheirOrderAndFirst() {
        var window = window(lanes: 1)
        for id in 1...5 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        #expect(window.publish(from: 1, limit: 3) == [1, 2, 3])
        #expect(window.refuse(1...3) == [0])
        window[0]?.resume()
        #expect(window.publish(from: 4) == [1, 2, 3, 4, 5])
    }

    @Test func aLaneThatWaitsAlreadyIsNotNamedAgain() {
        var window = window(lanes: 1)
        for id in 1...2 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        _ = window.publish(from: 1)
        #expect(window.refuse(1...1) == [0])
        #expect(window.refuse(2...2).isEmpty)
    }

    /// Rows of a lane that waits keep nobody from recording what was confirmed.
    @Test func whatWaitsForTheBrokerIsQuiet() {
        var window = window()
        for id in 1...4 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        _ = window.publish(from: 1, limit: 2)
        window.confirmed(1...1)
        #expect(!window.isQuiet)
        _ = window.refuse(2...2)
        #expect(window.isQuiet && !window.isSettled)
        #expect(window.ledgerEntries == [.init(lane: 0, afterID: 0, upToID: 1, rows: 1)])
    }

    /// What was confirmed behind a refused row is in no ledger, so the next owner must know that it may come twice.
    @Test func aLaneWithConfirmsBehindARefusedRowIsNotLeftInGoodOrder() {
        var window = window()
        for id in 1...4 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: Int(id % 2)) }
        #expect(window.publish(from: 1) == [1, 2, 3, 4])
        #expect(window.cleanNumbers.isEmpty)
        _ = window.refuse(1...1)
        window.confirmed(2...4)
        window.record()
        #expect(window.isSettled)
        #expect(window.cleanNumbers == [0])
        window[1]?.resume()
        _ = window.publish(from: 5)
        window.confirmed(5...5)
        window.record()
        #expect(window.cleanNumbers == [0, 1])
    }
}

@Suite("The bound of the window")
struct WindowBoundTests {
    /// Size 6 with two lanes: four rows, and one of each lane beyond.
    private func fullWindow() -> PublishingWindow {
        let window = window(size: 6)
        for id in 1...20 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: Int(id % 2)) }
        return window
    }

    @Test func noMoreThanTheLimitIsUnrecorded() {
        var window = fullWindow()
        #expect(window.limit == 4)
        #expect(window.publish(from: 1) == [1, 2, 3, 4])
        #expect(window.publish(from: 5).isEmpty)
        window.confirmed(2...4)
        #expect(window.publish(from: 5).isEmpty, "confirmed is not recorded")
    }

    @Test func theHeadOfALaneLeavesAlsoThroughAFullWindow() {
        var window = window(size: 6)
        for id in 1...5 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        #expect(window.publish(from: 1) == [1, 2, 3, 4])
        // Row 1 is refused; 2 to 4 are confirmed and wait for it, and lane 1 fills the room that it left.
        _ = window.refuse(1...1)
        window.confirmed(2...4)
        for id in 6...8 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 1) }
        #expect(window.publish(from: 5) == [6])
        #expect(window.unrecordedCount == 4)
        window[0]?.resume()
        #expect(window.publish(from: 6) == [1])
        window.confirmed(6...6)
        #expect(window.ledgerEntries == [.init(lane: 0, afterID: 0, upToID: 4, rows: 4)])
    }

    /// While the ledger is slow, each confirm must not let one more row out: the bound would hold nothing.
    @Test func aSlowLedgerLetsNoMoreOut() {
        var window = fullWindow()
        var tag: UInt64 = 1
        for _ in 0..<10 {
            let count = UInt64(window.publish(from: tag).count)
            if count > 0 { window.confirmed(tag...(tag + count - 1)) }
            tag += count
        }
        #expect(window.unrecordedCount <= 6)
        window.record()
        #expect(window.unrecordedCount == 0)
        #expect(!window.publish(from: tag).isEmpty)
    }

    @Test func aPausedHeadStaysInAFullWindow() {
        var window = window(size: 6)
        for id in 1...5 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        for id in 6...9 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 1) }
        #expect(window.publish(from: 1) == [1, 2, 3, 4, 6], "the head of lane 1 leaves through the full window")
        _ = window.refuse(1...1)
        #expect(window.publish(from: 6).isEmpty)
    }
}
