import Testing

@testable import Outbox
@testable import Relay

/// A window over lanes 0 ..< `lanes` with rows in them.
func window(size: Int = 64, lanes: Int = 2, byteLimit: Int = 8 << 20) -> PublishingWindow {
    var window = PublishingWindow(size: size, laneCount: lanes, byteLimit: byteLimit)
    for lane in 0..<lanes { window.own(.make(lane)) }
    return window
}

extension PublishingWindow {
    /// Publishes what is ready, with the tags from `firstTag` on.
    /// - Returns: the ids, in order.
    mutating func publish(from firstTag: UInt64, limit: Int = 1000) -> [Int64] {
        #expect(nextTag == firstTag)
        return takeReady(limit: limit).map(\.row.id)
    }

    /// The broker refuses rows, and their lanes wait.
    /// - Returns: the lanes that did not wait yet.
    mutating func refuse(_ tags: ClosedRange<UInt64>) -> [Int] {
        refused(tags).filter { $0.pause() != nil }.map(\.number)
    }

    func append(_ row: OutboxRow, lane: Int) { self[lane]?.append(row) }

    /// Records all that can be recorded.
    func record() { recorded(ledgerEntries) }

    var pausedNumbers: [Int] { owned.filter(\.isPaused).map(\.number) }
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
        #expect(window.refuse(1...9).isEmpty)
        #expect(window.inFlightCount == 0 && window.unrecordedCount == 1 && window.pausedNumbers.isEmpty)
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

    @Test func aWindowWithoutRoomForTheLanesStopsTheProgram() async {
        await #expect(processExitsWith: .failure) { _ = PublishingWindow(size: 16, laneCount: 16) }
    }
}
