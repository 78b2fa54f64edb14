/// Cuts rows into windows in which each market and kind occurs once.
///
/// A window leaves when the one before it is confirmed. So whatever the broker refuses, no row overtakes another of its
/// market and kind.
enum SeriesWindows {
    /// - Parameter limit: the most rows of a window.
    static func cut(_ rows: [OutboxRow], limit: Int) -> [ArraySlice<OutboxRow>] {
        var windows: [ArraySlice<OutboxRow>] = []
        var start = rows.startIndex
        var series: Set<OutboxRow.Series> = []
        for index in rows.indices {
            if index - start == limit || series.contains(rows[index].series) {
                windows.append(rows[start..<index])
                start = index
                series.removeAll(keepingCapacity: true)
            }
            series.insert(rows[index].series)
        }
        if start < rows.endIndex { windows.append(rows[start...]) }
        return windows
    }
}
