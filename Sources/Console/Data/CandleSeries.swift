import Postgres

/// The newest candles of a market, on the grid of their intervals.
struct CandleSeries: Sendable, Equatable {
    struct Candle: Sendable, Equatable {
        /// Of its interval, in milliseconds since 1970.
        let start: Int64
        let open: Double
        let high: Double
        let low: Double
        let close: Double
        let volume: Double?

        var isRising: Bool { close >= open }
    }

    var candles: [Candle] = []
    /// When the first slot begins, and how long one is, in milliseconds.
    private(set) var first: Int64 = 0
    private(set) var width: Int64 = 60_000
    private(set) var slots = 0
    /// Slots for which no record is stored.
    private(set) var gaps: [Range<Int>] = []
    /// Intervals that are stored and in which nothing traded.
    private(set) var quiet = 0

    var missing: Int { gaps.reduce(0) { $0 + $1.count } }

    /// The begin of an interval, in seconds since 1970: its day alone where a slot is one.
    func html(_ seconds: Int64) -> HTML {
        width >= 86_400_000
            ? HTML(Figures.day(seconds)) : Moment.html(Figures.iso(seconds), .minutes)
    }

    func slot(of start: Int64) -> Int { Int((start - first) / max(1, width)) }

    /// - Parameters:
    ///   - intervals: begin and end of each stored interval, in milliseconds, the oldest first.
    ///   - slots: how many intervals back from the newest one are shown.
    init(intervals: [(start: Int64, end: Int64)], candles: [Candle], slots: Int) {
        guard let last = intervals.last else { return }
        width = Self.width(intervals)
        self.slots = slots
        first = last.start - width * Int64(slots - 1)
        let stored = Set(intervals.filter { $0.start >= first }.map { Int(($0.start - first) / width) })
        // Before the first record that was ever stored nothing is missing.
        var start = stored.min() ?? 0
        if intervals.first.map({ $0.start < first }) == true { start = 0 }
        var open: Int?
        for slot in start..<slots {
            if stored.contains(slot) {
                if let from = open { gaps.append(from..<slot) }
                open = nil
            } else {
                open = open ?? slot
            }
        }
        self.candles = candles.filter { $0.start >= first && $0.start < first + width * Int64(slots) }
        quiet = stored.count - Set(self.candles.map { Int(($0.start - first) / width) }).count
    }

    /// The length that most intervals have.
    private static func width(_ intervals: [(start: Int64, end: Int64)]) -> Int64 {
        let lengths = Dictionary(grouping: intervals.map { $0.end - $0.start }.filter { $0 > 0 }) { $0 }
        return lengths.max { ($0.value.count, -$0.key) < ($1.value.count, -$1.key) }?.key ?? 60_000
    }

    static func read(_ market: Int32, slots: Int, _ connection: PostgresConnection) async throws -> CandleSeries {
        let rows = try await connection.execute(query, [.int4(market), .int8(Int64(slots) + 1)])
        var intervals: [(start: Int64, end: Int64)] = []
        var candles: [Candle] = []
        for index in 0..<rows.count {
            let row = rows[index]
            let interval = (start: try row.int8(0), end: try row.int8(1))
            if intervals.last?.start != interval.start { intervals.append(interval) }
            guard try !row.isNull(2), try !row.isNull(3), try !row.isNull(4), try !row.isNull(5) else { continue }
            let candle = Candle(
                start: interval.start, open: try row.double(2), high: try row.double(3), low: try row.double(4),
                close: try row.double(5), volume: try row.isNull(6) ? nil : try row.double(6))
            let values = [candle.open, candle.high, candle.low, candle.close]
            if values.allSatisfy(\.isFinite) { candles.append(candle) }
        }
        return CandleSeries(intervals: intervals, candles: candles, slots: slots)
    }

    /// The first candle of each interval: collectors send one.
    private static let query = """
        SELECT extract(epoch FROM interval_start)::bigint * 1000, extract(epoch FROM interval_end)::bigint * 1000,
               charts[i][2], charts[i][3], charts[i][4], charts[i][5], charts[i][6]
        FROM (SELECT interval_start, interval_end, charts, array_lower(charts, 1) AS i FROM candle_sticks
              WHERE market_id = $1 ORDER BY interval_start DESC, interval_end DESC LIMIT $2) newest
        ORDER BY interval_start, interval_end
        """
}
