import TestSupport
import Testing

@testable import Outbox
@testable import Relay

@Suite(.timeLimit(.minutes(10))) struct IDWalkTests {
    private struct Row: Equatable {
        let lane: Int
        let id: Int64
    }

    /// Walks as the reader does, over a log in memory. `log` has all rows, `wanted` those that the pages may give.
    private func walked(
        _ log: [Row], wanted: (Row) -> Bool, ranges: [IDWalk.LaneRange], width: Int64, limit: Int, widest: Int64
    ) -> (ids: [Int64], pages: [IDWalk.Page]) {
        var walk = IDWalk(ranges, width: width, widest: widest)
        var (ids, pages): ([Int64], [IDWalk.Page]) = ([], [])
        while let page = walk.page, pages.count < 10_000 {
            let within = log.filter { page.lanes.contains($0.lane) && page.low <= $0.id && $0.id <= page.high }
            let rows = within.filter(wanted).map(\.id).sorted(by: >).prefix(limit)
            ids += rows
            pages.append(page)
            walk.advance(page, rows: rows.count, lowest: rows.last, limit: limit)
            if rows.isEmpty, let next = walk.page {
                walk.leap(to: log.filter { walk.lanesLeft.contains($0.lane) && $0.id <= next.high }.map(\.id).max())
            }
        }
        return (ids, pages)
    }

    private func ranges(_ log: [Row]) -> [IDWalk.LaneRange] {
        Dictionary(grouping: log, by: \.lane).map { lane, rows in
            IDWalk.LaneRange(lane: lane, low: 1, high: rows.map(\.id).max() ?? 0)
        }
    }

    @Test func whereAllIdsAreRowsAPageHasWhatWasAskedFor() {
        let log = (1...1000).map { Row(lane: $0 % 16, id: Int64($0)) }
        let (ids, pages) = walked(log, wanted: { _ in true }, ranges: ranges(log), width: 50, limit: 50, widest: 500)
        #expect(ids == (1...1000).reversed().map { Int64($0) })
        #expect(pages.count == 20 && pages.allSatisfy { $0.high - $0.low == 49 })
        #expect(pages[0].lanes.count == 16)
    }

    @Test(arguments: 0..<60) func everyRowComesOnceFromTheNewestToTheOldest(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var id: Int64 = 0
        let log = (0..<Int.random(in: 1...600, using: &random)).map { _ in
            // Now and then a partition was closed early.
            id += Int.random(in: 0..<100, using: &random) == 0 ? 5000 : Int64.random(in: 1...3, using: &random)
            return Row(lane: Int.random(in: 0..<5, using: &random), id: id)
        }
        let every = Int64.random(in: 1...90, using: &random)
        let widest = Int64.random(in: 1...400, using: &random)
        let width = Int64.random(in: 1...widest, using: &random)
        let (ids, pages) = walked(
            log, wanted: { $0.id % every == 0 }, ranges: ranges(log), width: width,
            limit: Int.random(in: 1...40, using: &random), widest: widest)
        #expect(ids == Array(log.map { $0.id }.filter { $0 % every == 0 }.reversed()))
        #expect(pages.allSatisfy { $0.high - $0.low < widest && !$0.lanes.isEmpty })
        #expect(zip(pages, pages.dropFirst()).allSatisfy { $0.high > $1.high })
    }

    @Test func rowsThatAreRareAreLookedForInEverWiderPages() {
        let log = (1...100_000).map { Row(lane: $0 % 16, id: Int64($0)) }
        let (ids, pages) = walked(
            log, wanted: { $0.id == 3 }, ranges: ranges(log), width: 100, limit: 50, widest: 50_000)
        #expect(ids == [3])
        #expect(pages.count < 10)
    }

    @Test func idsThatNobodyDrewAreLeaptOver() {
        let log = [Row(lane: 1, id: 7), Row(lane: 2, id: 9), Row(lane: 1, id: 5_000_000_000)]
        let (ids, pages) = walked(log, wanted: { _ in true }, ranges: ranges(log), width: 10, limit: 10, widest: 100)
        #expect(ids == [5_000_000_000, 9, 7])
        #expect(pages.count < 6)
    }

    @Test func lanesWithNothingLeftAreLeftAlone() {
        let ranges = [
            IDWalk.LaneRange(lane: 0, low: 1, high: 10), IDWalk.LaneRange(lane: 1, low: 95, high: 100),
            IDWalk.LaneRange(lane: 2, low: 8, high: 7),
        ]
        var walk = IDWalk(ranges, width: 10)
        #expect(walk.page == IDWalk.Page(low: 91, high: 100, lanes: [1]))
        walk.advance(IDWalk.Page(low: 91, high: 100, lanes: [1]), rows: 3, lowest: 95, limit: 10)
        #expect(walk.page == IDWalk.Page(low: 1, high: 10, lanes: [0]))
        #expect(walk.lanesLeft == [0])
        #expect(walk.share == 0.1)
    }

    @Test func nothingToWalkHasNoPage() {
        #expect(IDWalk([], width: 50).page == nil && IDWalk([], width: 50).share == 1)
        #expect(IDWalk([IDWalk.LaneRange(lane: 3, low: 1, high: 0)], width: 50).page == nil)
    }
}
