import Records
import Testing

/// A green history, and what becomes of it when one thing is changed: each change must be found, and by its own name.
@Suite("The history checker") struct CheckerTests {
    /// Two markets with 20 candles each and one bad message; everything is as it should be.
    private static var green: History {
        var candles = Candles(markets: 2)
        var history = History()
        let messages = candles.next(40)
        history.sent = messages + [Message(poison: Array("bad".utf8), reason: .notJSON)]
        history.quarantine = [History.Refused(body: Array("bad".utf8), reason: "not_json")]
        history.records = messages.compactMap(\.id).map { History.StoredRecord(id: $0) }
        history.outbox = messages.enumerated().map { index, message in
            History.OutboxRow(
                id: Int64(index + 1), record: message.id!, state: "published", body: message.announced)
        }
        history.deliveries = history.outbox.map { Announcement(id: $0.id, body: $0.body) }
        let start = ContinuousClock.now
        history.times.sent = (1...41).map { start + .milliseconds($0) }
        history.times.received = (3...42).map { start + .milliseconds($0) }
        history.times.faults = [start, start + .milliseconds(9), start + .milliseconds(9), start + .milliseconds(20)]
        history.minimum = 41
        history.evidence = [("a fault", true)]
        return history
    }

    private static let stranger = RecordID(
        kind: "CandleStick", key: RecordKey(market: 99, intervalStart: 0, intervalEnd: 1))

    private func codes(_ change: (inout History) -> Void) -> Set<Violation.Code> {
        var history = Self.green
        change(&history)
        return Set(Checker.check(history).map(\.code))
    }

    @Test func whatTheBrokerDroppedIsFound() {
        #expect(codes { $0.dropped = 1 } == [.dropped])
    }

    @Test func aGreenHistoryHasNoViolation() {
        #expect(Checker.check(Self.green) == [])
    }

    @Test func whatFaultsAllowIsNoViolation() {
        #expect(
            codes {
                $0.deliveries += $0.deliveries.suffix(3)
                $0.allowedDuplicates = 3
            } == [])
        // Of several messages with one key any may be the first.
        #expect(codes { $0.sent.append(Message(market: 1, start: $0.sent[0].id!.key.intervalStart, fields: "")) } == [])
        // The markets have no order between them.
        #expect(codes { $0.deliveries.swapAt(0, 1) } == [])
        // The broker's own repetition to a gateway that lost its connection.
        #expect(codes { $0.deliveries.append(repeated($0.deliveries[0])) } == [])
    }

    /// Row 3 is refused while 5 is on its way, so both come again: who follows the chain takes 5 the second time.
    @Test func whatGoesBackIsInOrderForWhoFollowsTheChain() {
        func chained(_ history: inout History) {
            history.deliveries = history.deliveries.map { delivery in
                let previous: [String: Announcement.Value] =
                    delivery.id > 2 ? ["x-previous-id": .text("\(delivery.id - 2)")] : [:]
                return Announcement(id: delivery.id, body: delivery.body, headers: previous)
            }
            history.deliveries.swapAt(2, 4)
        }
        #expect(codes { chained(&$0) } == [.order])
        #expect(
            codes {
                chained(&$0)
                $0.deliveries.insert($0.deliveries[2], at: 5)
                $0.allowedDuplicates = 1
            } == [])
    }

    private func repeated(_ delivery: Announcement) -> Announcement {
        Announcement(id: delivery.id, body: delivery.body, isRedelivered: true)
    }

    @Test func runsThatShowNothing() {
        #expect(codes { $0.minimum = 42 } == [.voidRun])
        #expect(codes { $0 = History() } == [.voidRun])
        #expect(codes { $0.evidence[0].isSeen = false } == [.voidRun])
        #expect(codes { $0.isDrained = false } == [.stuck])
        #expect(codes { $0.leftovers = 1 } == [.voidRun])
        #expect(codes { $0.times.sent.swapAt(3, 4) } == [.voidRun])
        #expect(codes { $0.times.received.swapAt(3, 4) } == [.voidRun])
        #expect(codes { $0.times.faults.swapAt(2, 3) } == [.voidRun])
        #expect(codes { $0.times.received[0] = $0.times.faults[0] } == [.voidRun])
    }

    @Test func theInput() {
        #expect(
            codes {
                $0.records.remove(at: 7)
                $0.outbox.remove(at: 7)
                $0.deliveries.remove(at: 7)
            } == [.lostInput])
        #expect(codes { $0.records.remove(at: 7) } == [.torn])
        #expect(
            codes {
                $0.outbox.remove(at: 7)
                $0.deliveries.remove(at: 7)
            } == [.torn])
        #expect(codes { $0.records[7].isAsAnnounced = false } == [.torn])
        #expect(codes { $0.records.append(History.StoredRecord(id: Self.stranger)) } == [.invented])
        #expect(
            codes {
                $0.sent.remove(at: 7)
                $0.minimum = 40
            } == [.invented])
    }

    @Test func theOutbox() {
        let row = History.OutboxRow(id: 41, record: Self.stranger, state: "published", body: [1])
        #expect(
            codes {
                $0.outbox.append(row)
                $0.deliveries.append(Announcement(id: 41, body: [1]))
            } == [.invented])
        #expect(
            codes {
                $0.outbox.append(
                    History.OutboxRow(id: 41, record: $0.outbox[3].record, state: "published", body: $0.outbox[3].body))
                $0.deliveries.append(Announcement(id: 41, body: $0.outbox[3].body))
            } == [.secondRow])
        #expect(codes { $0.outbox[7].state = "pending" } == [.unmarked])
        #expect(
            codes {
                $0.outbox[7].body[0] ^= 1
                $0.deliveries[7].body[0] ^= 1
            } == [.altered])
    }

    /// What was sent first is committed last.
    @Test func theOrderOfArrival() {
        let change: (inout History) -> Void = {
            $0.sent.swapAt(0, 2)
        }
        #expect(codes(change) == [.order])
        #expect(
            codes {
                change(&$0)
                $0.isInOrderOfArrival = false
            } == [])
    }

    @Test func theDeliveries() {
        #expect(codes { $0.deliveries.remove(at: 7) } == [.falseMark])
        #expect(
            codes {
                $0.deliveries.remove(at: 7)
                $0.outbox[7].state = "pending"
            } == [.lostOutput])
        #expect(codes { $0.deliveries = [] } == [.falseMark])
        #expect(codes { $0.deliveries.swapAt(6, 8) } == [.order])
        #expect(codes { $0.deliveries.append($0.deliveries.remove(at: 7)) } == [.order])
        #expect(codes { $0.deliveries[7].body[20] ^= 1 } == [.altered])
        #expect(codes { $0.deliveries.append($0.deliveries[7]) } == [.duplicates])
        #expect(
            codes {
                $0.deliveries += $0.deliveries.suffix(4)
                $0.allowedDuplicates = 3
            } == [.duplicates])
        #expect(codes { $0.deliveries.append(Announcement(id: 4711, body: [])) } == [.invented])
    }

    private func refused(_ message: Message) -> History.Refused {
        History.Refused(body: message.body, reason: "wrong_type")
    }

    @Test func theQuarantine() {
        #expect(codes { $0.quarantine = [] } == [.poison])
        #expect(codes { $0.quarantine[0].body.append(0) } == [.poison])
        #expect(codes { $0.quarantine[0].reason = "wrong_type" } == [.poison])
        #expect(codes { $0.quarantine.append(refused($0.sent[7])) } == [.poison])
        #expect(
            codes {
                $0.quarantine.append(refused($0.sent[7]))
                $0.records.remove(at: 7)
                $0.outbox.remove(at: 7)
                $0.deliveries.remove(at: 7)
            } == [.poison])
    }
}
