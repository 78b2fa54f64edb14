/// Values as a line of small columns, for terminals.
package enum Sparkline {
    private static let columns: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// - Parameters:
    ///   - values: the oldest first; where there are more than columns, the largest of each column's counts.
    ///   - width: how many columns at most.
    /// - Returns: blanks for zeros, so that what is not there is seen.
    package static func text(_ values: [Double], width: Int) -> String {
        guard width > 0, let most = values.max(), most > 0 else { return "" }
        let group = (values.count + width - 1) / width
        return String(
            stride(from: 0, to: values.count, by: group).map { start -> Character in
                let value = values[start..<min(values.count, start + group)].max() ?? 0
                guard value > 0 else { return " " }
                return columns[min(columns.count - 1, Int(value / most * Double(columns.count - 1) + 0.5))]
            })
    }
}
