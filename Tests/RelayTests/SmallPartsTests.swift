import Testing

@testable import Outbox
@testable import Relay

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
