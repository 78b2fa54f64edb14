import Testing

@testable import Outbox
@testable import Relay

@Suite("Rows that may come twice")
struct SuspectRowsTests {
    private func claim(lane: Int = 3, isUnclean: Bool = true, at time: Int64 = 1000) -> LaneLedger.Claim {
        LaneLedger.Claim(lane: lane, recordedUpTo: 0, isUnclean: isUnclean, claimedAt: time)
    }

    @Test func asManyAsTheOwnerBeforeMayHavePublished() {
        var suspects = SuspectRows()
        suspects.take(claim(), window: 2)
        #expect((0..<4).map { _ in suspects.isSuspect(lane: 3, createdAt: 1000) } == [true, true, false, false])
    }

    @Test func noneThatIsYoungerThanTheClaim() {
        var suspects = SuspectRows()
        suspects.take(claim(), window: 100)
        #expect(suspects.isSuspect(lane: 3, createdAt: 999) == true)
        #expect(suspects.isSuspect(lane: 3, createdAt: 1001) == false)
        #expect(suspects.isSuspect(lane: 3, createdAt: 999) == false, "later rows were committed later")
    }

    @Test func noneOfALaneLeftInGoodOrderOrOfAnother() {
        var suspects = SuspectRows()
        suspects.take(claim(isUnclean: false), window: 100)
        #expect(suspects.isSuspect(lane: 3, createdAt: 0) == false)
        suspects.take(claim(), window: 100)
        #expect(suspects.isSuspect(lane: 4, createdAt: 0) == false)
    }
}

@Suite("How many rows to read")
struct ReadSizeTests {
    @Test func startsSmallAndLearns() {
        var size = ReadSize()
        #expect(size.rowsPerLane == 64)
        size.learn(rows: 10, bytes: 10 * 1000)
        #expect(size.rowsPerLane == ReadSize.target / 16 / 1000)
    }

    @Test func staysBetweenOneAndAThousand() {
        var size = ReadSize()
        size.learn(rows: 1, bytes: 100 << 20)
        #expect(size.rowsPerLane == 1)
        size.learn(rows: 1000, bytes: 10)
        #expect(size.rowsPerLane == 1024)
    }

    @Test func anEmptyAnswerTeachesNothing() {
        var size = ReadSize()
        size.learn(rows: 0, bytes: 0)
        #expect(size.rowsPerLane == 64)
    }
}
