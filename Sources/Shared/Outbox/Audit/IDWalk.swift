/// Walks the log from the newest row to the oldest, in pages that are ranges of ids. How wide a page is follows from how
/// many rows the last ones had, so that neither a page nor what the server reads for it grows with the log.
struct IDWalk: Sendable {
    /// The ids of a lane in which there may be rows, both included.
    struct LaneRange: Sendable, Equatable {
        let lane: Int
        let low: Int64
        let high: Int64
    }

    /// Ids from `low` to `high`, both included, in these lanes.
    struct Page: Sendable, Equatable {
        let low: Int64
        let high: Int64
        let lanes: [Int]
    }

    /// A server reads so many rows in a tenth of a second or two.
    static let widest: Int64 = 131_072

    private let lanes: [LaneRange]
    private let first: Int64
    private let last: Int64
    private var high: Int64
    private var width: Int64
    private let widest: Int64

    /// - Parameter width: How many ids the first page covers.
    init(_ lanes: [LaneRange], width: Int64, widest: Int64 = Self.widest) {
        self.lanes = lanes.filter { $0.low <= $0.high }
        first = self.lanes.map(\.low).min() ?? 0
        last = self.lanes.map(\.high).max() ?? -1
        high = last
        self.width = max(1, width)
        self.widest = max(widest, width)
    }

    /// How much of the ids is walked, 0 to 1.
    var share: Double { last < first ? 1 : Double(last - high) / Double(last - first + 1) }

    /// The lanes that have ids left.
    var lanesLeft: [Int] { lanes.filter { $0.low <= high }.map(\.lane) }

    /// The page to read, nil at the end.
    var page: Page? {
        let top = lanes.filter { $0.low <= high }.map { min($0.high, high) }.max()
        guard let top else { return nil }
        let low = max(first, top - min(width, top) + 1)
        return Page(low: low, high: top, lanes: lanes.filter { $0.low <= top && $0.high >= low }.map(\.lane))
    }

    /// Goes on below what was read.
    /// - Parameters:
    ///   - rows: How many rows the page had.
    ///   - lowest: The lowest of their ids.
    ///   - limit: The most that it could have.
    mutating func advance(_ page: Page, rows: Int, lowest: Int64?, limit: Int) {
        if rows >= limit, let lowest {
            high = lowest - 1
            width = max(1, page.high - lowest + 1)
        } else {
            high = page.low - 1
            if rows < limit / 4 + 1 { width = min(widest, width * 4) }
        }
    }

    /// Leaps over ids that are no rows: those of a partition that was closed early.
    /// - Parameter id: The highest id of a row among ``lanesLeft`` that is still to come, nil if there is none.
    mutating func leap(to id: Int64?) { high = min(high, id ?? first - 1) }
}
