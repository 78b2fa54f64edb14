import Postgres
import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite("Even shares of the lanes") struct LaneShareTests {
    @Test(arguments: 1...20) func `all lanes are shared, evenly`(relays: Int) {
        let shares = (0..<relays).map { LaneShare(relays: relays, rank: $0).target }
        #expect(shares.reduce(0, +) == 16)
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
    }

    @Test(.timeLimit(.minutes(10))) func `relays count one another while their connections live`() async throws {
        try await withMigratedDatabase { database, _ in
            var ledgers: [LaneLedger] = []
            for key in [30, 10, 20] as [Int32] {
                let ledger = LaneLedger(connection: try await database.connect(), relay: "\(key)")
                try await ledger.announcePresence(key: key)
                ledgers.append(ledger)
            }
            #expect(try await ledgers[0].countRelays(key: 30) == LaneShare(relays: 3, rank: 2))
            #expect(try await ledgers[1].countRelays(key: 10) == LaneShare(relays: 3, rank: 0))
            await ledgers[1].connection.close()
            while try await ledgers[2].countRelays(key: 20) != LaneShare(relays: 2, rank: 0) { await Task.yield() }
        }
    }

    @Test func `a lane is left when what is on its way is done`() {
        var window = PublishingWindow(size: 100, laneCount: 16)
        for lane in [3, 7] { window.own(.make(lane)) }
        window.append(.make(1), lane: 7)
        window.append(.make(2), lane: 7)
        #expect(window.publish(from: 1) == [1])
        window.leave(1)
        #expect(window[7]?.isLeaving == true && window.takeLeft().isEmpty)
        window.confirmed(1...1)
        #expect(window.takeReady().isEmpty, "nothing more is sent")
        #expect(window.takeLeft().isEmpty, "the ledger does not have it yet")
        window.record()
        let left = window.takeLeft()
        #expect(left.map(\.number) == [7] && left[0].isClean)
        #expect(window.ownedNumbers == [3])
        window.own(.make(7, recordedUpTo: 1))
        #expect(window[7]?.readUpTo == 1 && window[7]?.isLeaving == false)
    }
}
