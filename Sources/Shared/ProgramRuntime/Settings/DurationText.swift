/// Durations as operators write them: `1w`, `7d`, `20s`, `1h30m`, `500ms`.
public enum DurationText {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// Reads a duration: whole numbers, each with a unit, the larger unit first and no unit twice.
    /// - Returns: nil for anything else, also for a number without a unit and for more than 100 years.
    public static func parse(_ text: String) -> Duration? {
        var rest = text[...]
        var unitsLeft = units[...]
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            let unit = rest.dropFirst(digits.count).prefix { $0.isASCII && $0.isLetter }
            guard let number = Int64(digits), let place = unitsLeft.firstIndex(where: { $0.name == unit }),
                let sum = add(number, of: units[place].milliseconds, to: total)
            else { return nil }
            total = sum
            unitsLeft = units[(place + 1)...]
            rest = rest.dropFirst(digits.count + unit.count)
        }
        return .milliseconds(total)
    }

    /// Writes a duration so that ``parse(_:)`` reads it back: `14d`, `1h30m`, `500ms`, `0s`; cut to whole milliseconds.
    public static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        guard rest != 0 else { return "0s" }
        var text = rest < 0 ? "-" : ""
        rest = abs(rest)
        for unit in units.dropFirst() where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }

    private static func add(_ number: Int64, of unit: Int64, to total: Int64) -> Int64? {
        let longest: Int64 = 36_525 * 86_400_000
        guard number <= longest / unit else { return nil }
        let sum = total + number * unit
        return sum <= longest ? sum : nil
    }
}
