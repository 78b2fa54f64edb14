import Records
import Testing

@Suite struct LaneTests {
    /// Rows lie in the database under these: a change of any one would break the order of its market.
    @Test(arguments: [
        (1, 9), (2, 3), (3, 13), (16, 14), (69, 10), (1000, 0), (1010, 3), (1020, 6), (65536, 7), (1_000_000, 15),
        (2_147_483_647, 14),
    ])
    func `lanes never change`(_ market: Int32, _ lane: Int) { #expect(Lane.of(market: market) == lane) }

    @Test func `every market has a lane`() {
        for market in [Int32.min, -1, 0, 1, .max] { #expect((0..<Lane.count).contains(Lane.of(market: market))) }
        for market in stride(from: Int32(1), to: .max - 65_537, by: 65_537) {
            #expect((0..<Lane.count).contains(Lane.of(market: market)))
        }
    }

    @Test(arguments: [1, 2, 3, 5, 8, 10, 16, 64, 100, 256, 1000])
    func `ids given out in steps use all lanes`(_ step: Int32) {
        var counts = [Int](repeating: 0, count: Lane.count)
        for market in 1...Int32(1000) { counts[Lane.of(market: market * step)] += 1 }
        #expect(counts.min()! >= 40 && counts.max()! <= 90, "\(counts)")
    }
}
