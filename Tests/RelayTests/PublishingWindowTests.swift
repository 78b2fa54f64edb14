import Testing

@testable import Outbox
@testable import Relay

/// A window over lanes 0 ..< `lanes` with rows in them.
func window(size: Int = 64, lanes: Int = 2, byteLimit: Int = 8 << 20) -> PublishingWindow {
    var window = PublishingWindow(size: size, laneCount: lanes, byteLimit: byteLimit)
    for lane in 0..<lanes { window.take(lane: lane, recordedUpTo: 0) }
    return window
}

extension PublishingWindow {
    /// Publishes what is ready, with the tags from `firstTag` on.
    /// - Returns: the ids, in order.
    mutating func publish(from firstTag: UInt64, limit: Int = 1000) -> [Int64] {
        let taken = takeReady(limit: limit)
        published(taken.map(\.place), firstTag: firstTag)
        return taken.map(\.row.id)
    }

    /// Records all that can be recorded.
    mutating func record() { recorded(ledgerEntries) }
}

@Suite("Bursts")
struct BurstTests {
    @Test func waitUntilAsManyAreReadyAsAreOnTheirWay() {
        var window = window(lanes: 1)
        #expect(window.isBurstDue)
        for id in 1...4 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        #expect(window.publish(from: 1) == [1, 2, 3, 4])
        for id in 5...6 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        #expect(!window.isBurstDue)
        window.confirmed(2...3)
        #expect(window.isBurstDue)
        #expect(window.publish(from: 5) == [5, 6])
    }
}

@Suite("Reading into the window")
struct WindowReadingTests {
    @Test func aLaneIsReadOnceAndAgainWhenThereMayBeMore() {
        var window = window()
        let first = window.takeUnread(capacity: 64, limit: 10)
        #expect(first.map(\.lane) == [0, 1] && first.map(\.afterID) == [0, 0] && first.map(\.limit) == [10, 10])
        #expect(window.takeUnread(capacity: 64, limit: 10).isEmpty)
        window.append(.make(4), lane: 1)
        window.mayHaveMore(lane: 1)
        let second = window.takeUnread(capacity: 64, limit: 10)
        #expect(second.map(\.lane) == [1] && second.map(\.afterID) == [4])
        window.woken()
        #expect(window.takeUnread(capacity: 64, limit: 10).map(\.lane) == [0, 1])
    }

    @Test func readingGoesOnWhereTheLedgerEnds() {
        var window = PublishingWindow(size: 64, laneCount: 2)
        window.take(lane: 9, recordedUpTo: 77)
        #expect(window.ownedLanes == [9])
        #expect(window.takeUnread(capacity: 64, limit: 10).map(\.afterID) == [77])
    }

    @Test func aLaneThatIsHalfFullIsReadLater() {
        var window = window(lanes: 1)
        for id in 1...6 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        #expect(window.takeUnread(capacity: 10, limit: 8).isEmpty)
        #expect(window.publish(from: 1) == Array(1...6))
        window.confirmed(1...2)
        window.record()
        #expect(window.takeUnread(capacity: 10, limit: 8).map(\.limit) == [6])
    }

    @Test func aRowOfALaneThatIsNotOwnedIsLeftAlone() {
        var window = window(lanes: 1)
        window.append(.make(1), lane: 5)
        #expect(window.takeReady().isEmpty)
    }
}

@Suite("Publishing from the window")
struct WindowPublishingTests {
    @Test func theOldestLeaveFirst() {
        var window = window()
        window.append(.make(1, market: 1), lane: 0)
        window.append(.make(2, market: 2), lane: 1)
        window.append(.make(3, market: 1), lane: 0)
        window.append(.make(4, market: 3), lane: 0)
        #expect(window.publish(from: 1) == [1, 2, 4])
        #expect(window.inFlightCount == 3 && window.unrecordedCount == 3 && window.inFlightBytes == 300)
        #expect(window.publish(from: 4).isEmpty)
        window.confirmed(1...1)
        #expect(window.publish(from: 4) == [3])
    }

    /// A row that becomes ready late leaves before younger ones that were ready long before: they could not be recorded
    /// without it, and would fill the window.
    @Test func whatHoldsUpTheLedgerLeavesFirst() {
        var window = window(size: 6, lanes: 1)
        window.append(.make(1, market: 1), lane: 0)
        window.append(.make(2, market: 1), lane: 0)
        for id in 3...9 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        #expect(window.publish(from: 1, limit: 2) == [1, 3])
        window.confirmed(1...1)
        #expect(window.publish(from: 3, limit: 2) == [2, 4])
    }

    @Test func oneCallTakesNoMoreThanItsLimit() {
        var window = window(lanes: 1)
        for id in 1...5 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        #expect(window.publish(from: 1, limit: 2) == [1, 2])
        #expect(window.publish(from: 3, limit: 2) == [3, 4])
    }

    @Test func confirmsComeInAnyOrderAndSeveralAtOnce() {
        var window = window(lanes: 1)
        for id in 1...6 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id)), lane: 0) }
        _ = window.publish(from: 1)
        window.confirmed(5...6)
        #expect(window.ledgerEntries.isEmpty && window.inFlightCount == 4)
        window.confirmed(2...2)
        window.confirmed(1...5)
        #expect(window.inFlightCount == 0 && window.inFlightBytes == 0)
        #expect(window.ledgerEntries == [.init(lane: 0, afterID: 0, upToID: 6, rows: 6)])
    }

    @Test func settledAndUnknownTagsMeanNothing() {
        var window = window(lanes: 1)
        window.append(.make(1), lane: 0)
        _ = window.publish(from: 1)
        window.confirmed(1...1)
        window.confirmed(1...9)
        #expect(window.refused(1...9).isEmpty)
        #expect(window.inFlightCount == 0 && window.unrecordedCount == 1 && window.pausedLanes.isEmpty)
    }

    @Test func noMoreIsSentWhileManyBytesAreOnTheirWay() {
        var window = window(lanes: 1, byteLimit: 1000)
        for id in 1...4 as ClosedRange<Int64> { window.append(.make(id, market: Int32(id), bytes: 600), lane: 0) }
        #expect(window.publish(from: 1) == [1, 2])
        #expect(window.publish(from: 3).isEmpty)
        window.confirmed(1...1)
        #expect(window.publish(from: 3) == [3])
    }

    @Test func aRowThatIsLargerThanTheByteLimitLeavesAlone() {
        var window = window(lanes: 1, byteLimit: 1000)
        window.append(.make(1, market: 1, bytes: 5000), lane: 0)
        window.append(.make(2, market: 2, bytes: 1), lane: 0)
        #expect(window.publish(from: 1) == [1])
        window.confirmed(1...1)
        #expect(window.publish(from: 2) == [2])
    }

    @Test func settledMeansNothingOnItsWayAndNothingToRecord() {
        var window = window()
        #expect(window.isSettled && window.isQuiet)
        window.append(.make(1), lane: 0)
        #expect(window.isSettled && !window.isQuiet)
        _ = window.publish(from: 1)
        #expect(!window.isSettled && !window.isQuiet)
        window.confirmed(1...1)
        #expect(!window.isSettled && window.isQuiet)
        window.record()
        #expect(window.isSettled && window.unrecordedCount == 0)
    }

    @Test func tagsThatDoNotFollowOneAnotherStopTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var window = window()
            window.published([.init(lane: 0, ordinal: 0)], firstTag: 2)
        }
    }

    @Test func aWindowWithoutRoomForTheLanesStopsTheProgram() async {
        await #expect(processExitsWith: .failure) { _ = PublishingWindow(size: 16, laneCount: 16) }
    }
}
