/// The table of all settings that `--help` prints.
public enum SettingsTable {
    /// The columns of a terminal that the table fits.
    public static let width = 100
    private static let indent = "    "

    /// A paragraph for each setting: its name and flag, and below them meaning, default and range.
    public static func text(for settings: [AnySetting]) -> String {
        settings.map(paragraph).joined()
    }

    private static func paragraph(of setting: AnySetting) -> String {
        let file = setting.hasFileVariant ? "\(setting.name)_FILE (a file that holds it)" : nil
        let names = [setting.name, setting.flag, file].compactMap(\.self).joined(separator: "  ")
        let standard = setting.defaultText.map { "default: \($0); " } ?? ""
        return ([names] + wrap("\(setting.help); \(standard)may be: \(setting.allowed)")).joined(separator: "\n") + "\n"
    }

    /// Breaks at blanks, one column short of the width, where a terminal would break by itself.
    private static func wrap(_ text: String) -> [String] {
        var lines: [String] = []
        var line = indent
        for word in text.split(separator: " ") {
            if line.count + 1 + word.count >= width, line != indent {
                lines.append(line)
                line = indent
            }
            line += line == indent ? word : " \(word)"
        }
        return lines + [line]
    }
}
