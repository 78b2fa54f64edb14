/// The earliest and the latest time in the rows of a message, and where they stand: they are held against the interval when
/// that is known.
struct RowTimes {
    private var earliest = Double.infinity
    private var latest = -Double.infinity
    private var earliestRow = 0
    private var latestRow = 0
    private var element = 0

    /// - Parameter time: Whole milliseconds, which a double holds exactly.
    @inline(__always)
    mutating func note(_ time: Double, row: Int, element: Int) {
        self.element = element
        if time < earliest { (earliest, earliestRow) = (time, row) }
        if time > latest { (latest, latestRow) = (time, row) }
    }

    /// What is wrong if not all of them lie in the interval, give or take its length: another unit, or another day.
    func refusal(start: Int64, end: Int64) -> Refusal? {
        let (least, most) = (start - (end - start), end + (end - start))
        let isEarly = earliest < Double(least)
        guard isEarly || latest > Double(most) else { return nil }
        let (time, row) = isEarly ? (earliest, earliestRow) : (latest, latestRow)
        return Refusal(.outOfRange, "expected a time of the interval, \(least) to \(most), found \(Int64(time))")
            .inside("[\(row)][\(element)]")
    }
}
