import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite(.timeLimit(.minutes(10))) struct TimeSearchTests {
    /// Searches a log in memory, whose times are those of its ids, and counts the looks.
    private func search(_ wanted: Int64, ids: [Int64], time: (Int64) -> Int64) -> (found: TimeSearch, looks: Int) {
        var search = TimeSearch(
            wanted, first: (ids[0], time(ids[0])), end: (ids[ids.count - 1] + 1, time(ids[ids.count - 1]) + 1000))
        var looks = 0
        while let probe = search.probe {
            looks += 1
            search.found(ids.first { $0 >= probe }.map { ($0, time($0)) }, at: probe)
        }
        return (search, looks)
    }

    @Test func anEvenLoadTakesAFewLooksHoweverLongTheLog() {
        for length in [10_000, 10_000_000] as [Int64] {
            var search = TimeSearch(length * 37, first: (1, 100), end: (length + 1, (length + 1) * 100))
            var looks = 0
            while let probe = search.probe {
                looks += 1
                search.found((probe, probe * 100), at: probe)
            }
            #expect(search.low < length * 37 / 100 && length * 37 / 100 <= search.high)
            #expect(looks <= 4, "\(looks) looks at \(length) rows")
        }
    }

    @Test(arguments: 0..<60) func whatIsBelowIsOlderAndWhatIsAboveIsNot(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var (id, now): (Int64, Int64) = (0, 0)
        var times: [Int64: Int64] = [:]
        let ids = (0..<Int.random(in: 1...60_000, using: &random)).map { _ in
            id += Int.random(in: 0..<5000, using: &random) == 0 ? 5_000_000 : Int64.random(in: 1...3, using: &random)
            // Nights, and bursts in which time hardly moves.
            now += Int.random(in: 0..<3000, using: &random) == 0 ? 30_000_000 : Int64.random(in: 0...20, using: &random)
            times[id] = now
            return id
        }
        for _ in 0..<10 {
            // Often the very time of a row.
            let wanted =
                Bool.random(using: &random)
                ? Int64.random(in: -10...(now + 10), using: &random)
                : times[ids.randomElement(using: &random) ?? 0] ?? 0
            let (found, looks) = search(wanted, ids: ids) { times[$0] ?? 0 }
            #expect(ids.filter { $0 <= found.low }.allSatisfy { (times[$0] ?? 0) < wanted })
            #expect(ids.filter { $0 >= found.high }.allSatisfy { (times[$0] ?? 0) >= wanted })
            #expect(found.high - found.low <= TimeSearch.slack)
            #expect(looks < 90)
        }
    }

    @Test func timesBeforeTheFirstRowAndAfterTheLastAreFound() {
        let ids = (1...50_000).map { Int64($0) }
        #expect(search(-5, ids: ids) { $0 * 10 }.found.low == 0)
        let after = search(1_000_000, ids: ids) { $0 * 10 }.found
        #expect(after.high == 50_001 && after.low > 40_000)
    }
}
