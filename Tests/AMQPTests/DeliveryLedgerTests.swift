import Testing

@testable import AMQP

@Suite struct DeliveryLedgerTests {
    private func expectAcknowledged(
        _ found: [(channel: Int, tag: UInt64, count: Int)], _ expected: [Int: UInt64],
        _ location: SourceLocation = #_sourceLocation
    ) {
        let found = Dictionary(uniqueKeysWithValues: found.map { ($0.channel, $0.tag) })
        #expect(found == expected, sourceLocation: location)
    }

    @Test func eachChannelIsAcknowledgedUpToItsOwnTag() throws {
        var ledger = DeliveryLedger(channels: 3)
        #expect(try ledger.deliver(1, on: 0) == 1)
        #expect(try ledger.deliver(1, on: 2) == 2)
        #expect(try ledger.deliver(2, on: 2) == 3)
        #expect(try ledger.deliver(2, on: 0) == 4)
        expectAcknowledged(ledger.acknowledge(through: 3), [0: 1, 2: 2])
        expectAcknowledged(ledger.acknowledge(through: 3), [:])
        expectAcknowledged(ledger.acknowledge(through: 99), [0: 2])
        expectAcknowledged(ledger.acknowledge(through: 99), [:])
        #expect(try ledger.deliver(1, on: 1) == 5)
        expectAcknowledged(ledger.acknowledge(through: 5), [1: 1])
    }

    @Test func whatCameBeforeAChannelWasClosedIsNotAcknowledged() throws {
        var ledger = DeliveryLedger(channels: 2)
        for tag in UInt64(1)...3 { _ = try ledger.deliver(tag, on: 0) }
        _ = try ledger.deliver(1, on: 1)
        ledger.reopened(0)
        #expect(try ledger.deliver(1, on: 0) == 5)
        expectAcknowledged(ledger.acknowledge(through: 4), [1: 1])
        expectAcknowledged(ledger.acknowledge(through: 5), [0: 1])
    }

    @Test(arguments: [0, 1, 3, UInt64.max]) func aTagThatDoesNotFollowIsRefused(tag: UInt64) throws {
        var ledger = DeliveryLedger(channels: 1)
        _ = try ledger.deliver(1, on: 0)
        #expect(throws: DeliveryLedger.Violation.self) { try ledger.deliver(tag, on: 0) }
    }
}
