/// The table of all settings that `--help` prints.
public enum SettingsTable {
    /// The columns of a terminal that the table fits.
    public static let width = 100

    /// A row for each setting: name, flag, default, range, meaning; long cells go on in the next line.
    public static func text(for settings: [AnySetting]) -> String {
        let headings = ["Setting", "Flag", "Default", "May be", "Meaning"]
        let rows = settings.flatMap(rows(of:))
        var widths = headings.indices.map { column in
            ([headings] + rows).map { $0[column].count }.max() ?? 0
        }
        widths[2] = min(widths[2], 15)
        widths[3] = min(widths[3], 18)
        widths[4] = max(20, width - widths[..<4].reduce(0) { $0 + $1 + 2 })
        return ([headings] + rows).map { lines(of: $0, widths: widths) }.joined()
    }

    private static func rows(of setting: AnySetting) -> [[String]] {
        let flag = setting.flag ?? ""
        var rows = [[setting.name, flag, setting.defaultText ?? "", setting.allowed, setting.help]]
        if setting.hasFileVariant {
            rows.append(["\(setting.name)_FILE", "", "", "path of a file", "the same from a file; not both"])
        }
        return rows
    }

    private static func lines(of cells: [String], widths: [Int]) -> String {
        let wrapped = zip(cells, widths).map { wrap($0, at: $1) }
        let height = wrapped.map(\.count).max() ?? 0
        return (0..<height).map { line in
            let padded = zip(wrapped, widths).map { cell, width in
                let text = line < cell.count ? cell[line] : ""
                return text + String(repeating: " ", count: max(0, width - text.count))
            }
            return TextTable.withoutTrailingBlanks(padded.joined(separator: "  ")) + "\n"
        }.joined()
    }

    /// Breaks at blanks and after commas; a word longer than the column is cut where the column ends.
    private static func wrap(_ text: String, at width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for var word in text.replacing(",", with: ", ").split(separator: " ").map(String.init) {
            while word.count > width {
                if !line.isEmpty { lines.append(line) }
                line = ""
                lines.append(String(word.prefix(width)))
                word = String(word.dropFirst(width))
            }
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? word : " \(word)"
        }
        return line.isEmpty ? lines : lines + [line]
    }
}
