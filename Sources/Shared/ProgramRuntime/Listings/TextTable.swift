/// Rows of text in aligned columns, for terminals.
public struct TextTable: Sendable {
    private let headings: [String]
    private let rightAligned: Set<Int>
    private var rows: [[String]] = []

    /// - Parameters:
    ///   - headings: The heading of each column.
    ///   - rightAligned: The places of the columns that hold numbers.
    public init(headings: [String], rightAligned: Set<Int> = []) {
        self.headings = headings
        self.rightAligned = rightAligned
    }

    /// Adds a row with as many cells as there are headings.
    public mutating func add(_ cells: [String]) {
        precondition(cells.count == headings.count, "a row has \(cells.count) cells for \(headings.count) columns")
        rows.append(cells.map { SafeText.oneLine($0, limit: 200) })
    }

    /// The table with its headings, each line with its line end.
    public var text: String {
        let widths = Self.widths(of: [headings] + rows)
        return ([headings] + rows).map { Self.line($0, widths: widths, rightAligned: rightAligned) }.joined()
    }

    static func widths(of rows: [[String]]) -> [Int] {
        guard let first = rows.first else { return [] }
        return first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    }

    static func line(_ cells: [String], widths: [Int], rightAligned: Set<Int>) -> String {
        let padded = cells.indices.map { column in
            let blanks = String(repeating: " ", count: max(0, widths[column] - cells[column].count))
            return rightAligned.contains(column) ? blanks + cells[column] : cells[column] + blanks
        }
        return withoutTrailingBlanks(padded.joined(separator: "  ")) + "\n"
    }

    static func withoutTrailingBlanks(_ line: String) -> String {
        guard let last = line.lastIndex(where: { $0 != " " }) else { return "" }
        return String(line[...last])
    }
}
