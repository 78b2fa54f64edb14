import Testing

@testable import AMQP

@Suite struct PendingConfirmsTests {
    private var confirms = PendingConfirms()

    @Test mutating func tagsRiseFromOne() {
        #expect(confirms.publish([10, 11]) == 1...2)
        #expect(confirms.publish([12]) == 3...3)
        #expect(confirms.count == 3)
    }

    @Test mutating func multipleSettlesAllUpToTheTag() throws {
        _ = confirms.publish([1, 2, 3, 4])
        try confirms.settle(3, multiple: true, refused: false)
        #expect(confirms.takeOutcomes() == [.confirmed(1...3)])
        #expect(confirms.count == 1 && !confirms.hasOutcomes)
    }

    @Test mutating func tagZeroMeansAll() throws {
        _ = confirms.publish([1, 2])
        try confirms.settle(0, multiple: true, refused: true)
        #expect(confirms.takeOutcomes() == [.refused(1...2)])
        #expect(confirms.publish([3]) == 3...3)
    }

    @Test mutating func confirmsMayComeInAnyOrder() throws {
        _ = confirms.publish([1, 2, 3, 4, 5])
        try confirms.settle(3, multiple: false, refused: false)
        try confirms.settle(2, multiple: false, refused: true)
        #expect(confirms.count == 3)
        try confirms.settle(4, multiple: true, refused: false)
        #expect(confirms.count == 1)
        #expect(
            confirms.takeOutcomes() == [
                .confirmed(3...3), .refused(2...2), .confirmed(1...1), .confirmed(4...4),
            ])
        try confirms.settle(5, multiple: false, refused: false)
        #expect(confirms.takeOutcomes() == [.confirmed(5...5)])
        #expect(confirms.publish([6]) == 6...6)
    }

    @Test mutating func singleConfirmsInOrderBecomeOneRange() throws {
        _ = confirms.publish([1, 2, 3])
        for tag in UInt64(1)...3 { try confirms.settle(tag, multiple: false, refused: false) }
        #expect(confirms.takeOutcomes() == [.confirmed(1...3)])
    }

    @Test mutating func refusalsMayBeMultiple() throws {
        _ = confirms.publish([1, 2, 3])
        try confirms.settle(1, multiple: false, refused: false)
        try confirms.settle(3, multiple: true, refused: true)
        #expect(confirms.takeOutcomes() == [.confirmed(1...1), .refused(2...3)])
    }

    @Test mutating func aReturnedMessageIsNotConfirmedByItsConfirm() throws {
        _ = confirms.publish([71, 72, 73])
        try confirms.noteReturn(id: 72, code: 312, text: "NO_ROUTE")
        #expect(!confirms.hasOutcomes && confirms.count == 3)
        try confirms.settle(3, multiple: true, refused: false)
        #expect(
            confirms.takeOutcomes() == [
                .confirmed(1...1), .returned(tag: 2, code: 312, text: "NO_ROUTE"), .confirmed(3...3),
            ])
    }

    @Test mutating func theSameIDTwiceIsReturnedInTheOrderOfPublishing() throws {
        _ = confirms.publish([7, 7])
        try confirms.noteReturn(id: 7, code: 312, text: "a")
        try confirms.noteReturn(id: 7, code: 313, text: "b")
        try confirms.settle(2, multiple: true, refused: false)
        #expect(
            confirms.takeOutcomes() == [
                .returned(tag: 1, code: 312, text: "a"), .returned(tag: 2, code: 313, text: "b"),
            ])
    }

    @Test mutating func whatIsNotOpenCannotBeSettled() throws {
        let violation = PendingConfirms.Violation()
        #expect(throws: violation) { try confirms.settle(1, multiple: false, refused: false) }
        _ = confirms.publish([1, 2, 3])
        #expect(throws: violation) { try confirms.settle(4, multiple: true, refused: false) }
        try confirms.settle(2, multiple: false, refused: false)
        #expect(throws: violation) { try confirms.settle(2, multiple: false, refused: false) }
        try confirms.settle(1, multiple: false, refused: false)
        #expect(throws: violation) { try confirms.settle(1, multiple: false, refused: false) }
        #expect(throws: violation) { try confirms.noteReturn(id: 1, code: 312, text: "") }
        #expect(throws: violation) { try confirms.noteReturn(id: 9, code: 312, text: "") }
    }
}
