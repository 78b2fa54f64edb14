extension Setting where Value == Int {
    /// A whole number.
    /// - Parameters:
    ///   - range: The numbers it may be.
    ///   - unit: What it counts, as in `bytes` or `rows`; shown in the table.
    public static func integer(
        _ name: String, flag: String?, default defaultValue: Int?, in range: ClosedRange<Int>, unit: String = "",
        help: String
    ) -> Self {
        let suffix = unit.isEmpty ? "" : " \(unit)"
        let one = unit.hasSuffix("s") ? String(suffix.dropLast()) : suffix
        return Setting(
            name, flag: flag, default: defaultValue, defaultText: defaultValue.map { "\($0)\($0 == 1 ? one : suffix)" },
            allowed: "\(range.lowerBound) to \(range.upperBound)\(suffix)", help: help
        ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension Setting where Value == Duration {
    /// The text for a range of durations, which says that they have a unit.
    fileprivate static func words(_ range: ClosedRange<Duration>) -> String {
        "a duration with its unit, \(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
    }

    /// A setting whose name ends in `_MS`: a number of milliseconds, or a duration with its unit.
    public static func milliseconds(
        _ name: String, flag: String?, default defaultValue: Duration, in range: ClosedRange<Duration>, help: String
    ) -> Self {
        Setting(
            name, flag: flag, default: defaultValue, defaultText: "\(Int(defaultValue / .milliseconds(1)))ms",
            allowed: "\(words(range)), or a number of milliseconds", help: help
        ) { text in
            let isNumber =
                !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            return DurationText.parse(isNumber ? text + "ms" : text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A duration such as `500ms`, `20s`, `1h30m` or `7d`; see ``DurationText``.
    public static func duration(
        _ name: String, flag: String?, default defaultValue: Duration?, in range: ClosedRange<Duration>, help: String
    ) -> Self {
        Setting(
            name, flag: flag, default: defaultValue, defaultText: defaultValue.map(DurationText.format),
            allowed: words(range), help: help
        ) { text in DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension Setting where Value == Duration? {
    /// A duration such as `7d`, or `off`: nil.
    public static func durationOrOff(
        _ name: String, flag: String?, default defaultValue: Duration, in range: ClosedRange<Duration>, help: String
    ) -> Self {
        Setting(
            name, flag: flag, default: .some(defaultValue), defaultText: DurationText.format(defaultValue),
            allowed: "\(Setting<Duration>.words(range)), or off", help: help
        ) { text in
            if text == "off" { return .some(nil) }
            return DurationText.parse(text).flatMap { range.contains($0) ? .some($0) : nil }
        }
    }
}

extension Setting where Value == String {
    /// A text that is not empty.
    /// - Parameters:
    ///   - allowed: What it may be, in words.
    ///   - limit: The most bytes it may have.
    public static func text(
        _ name: String, flag: String?, default defaultValue: String?, allowed: String, limit: Int = 255, help: String
    ) -> Self {
        Setting(name, flag: flag, default: defaultValue, defaultText: defaultValue, allowed: allowed, help: help) {
            $0.isEmpty || $0.utf8.count > limit ? nil : $0
        }
    }

    /// A text that is never shown, from the environment or from the file that `<name>_FILE` names.
    public static func secret(
        _ name: String, default defaultValue: String?, defaultText: String?, allowed: String, help: String
    ) -> Self {
        Setting(
            name: name, flag: nil, defaultValue: defaultValue, defaultText: defaultText, allowed: allowed, help: help,
            isSecret: true, hasFileVariant: true, parse: { $0.isEmpty ? nil : $0 })
    }
}

extension Setting where Value: CaseIterable & RawRepresentable<String> {
    /// One of a few words.
    /// - Parameters:
    ///   - defaultText: The default in words, where it depends on circumstances and `defaultValue` is nil.
    ///   - hasFileVariant: Whether a file may hold it, so that it can change while the program runs.
    public static func choice(
        _ name: String, flag: String?, default defaultValue: Value?, defaultText: String? = nil, help: String,
        hasFileVariant: Bool = false
    ) -> Self {
        Setting(
            name: name, flag: flag, defaultValue: defaultValue, defaultText: defaultText ?? defaultValue?.rawValue,
            allowed: Value.allCases.map(\.rawValue).joined(separator: ", "), help: help, isSecret: false,
            hasFileVariant: hasFileVariant, parse: { Value(rawValue: $0) })
    }
}

extension Setting {
    /// Some of a few words, separated by commas, none twice.
    public static func list<Element: CaseIterable & RawRepresentable<String> & Hashable & Sendable>(
        _ name: String, flag: String?, default defaultValue: Value?, defaultText: String? = nil, help: String
    ) -> Self where Value == [Element] {
        Setting(
            name, flag: flag, default: defaultValue,
            defaultText: defaultText ?? defaultValue?.map(\.rawValue).joined(separator: ","),
            allowed: "some of \(Element.allCases.map(\.rawValue).joined(separator: ", "))", help: help
        ) { text in
            let elements = CommaList.split(text).map { Element(rawValue: $0) }
            guard !elements.isEmpty, !elements.contains(nil), Set(elements).count == elements.count else { return nil }
            return elements.compactMap(\.self)
        }
    }
}

/// Lists as operators write them: `a,b, c`.
public enum CommaList {
    /// The elements without the blanks around them; an empty element stays, so that `a,,b` can be refused.
    public static func split(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map { element in
            let start = element.drop { $0 == " " }
            guard let last = start.lastIndex(where: { $0 != " " }) else { return "" }
            return String(start[...last])
        }
    }
}
