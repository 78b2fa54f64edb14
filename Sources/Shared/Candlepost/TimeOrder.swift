public import ArgumentParser
import ProgramRuntime

/// `--since` and `--until` of a selection.
public enum TimeOrder {
    /// Makes sure that a span is one: two ages, or two times of one zone, the earlier first.
    /// - Throws: `ValidationError`; nothing where only the database could tell.
    public static func check(since: String?, until: String?) throws(ValidationError) {
        guard let since, let until, isAfter(since, until) else { return }
        throw ValidationError(
            "--since \(SafeText.oneLine(since, limit: 40)) is not before --until \(SafeText.oneLine(until, limit: 40)): "
                + "nothing lies between them")
    }

    private static func isAfter(_ since: String, _ until: String) -> Bool {
        if let older = DurationText.parse(since), let younger = DurationText.parse(until) { return older <= younger }
        guard let earlier = utc(since), let later = utc(until) else { return false }
        return earlier >= later
    }

    /// Digits of a time in UTC, which sort as the times do; nil for a time with another zone, or an age.
    private static func utc(_ text: String) -> String? {
        let plain = text.hasSuffix("Z") ? String(text.dropLast()) : text
        let date = plain.prefix(10)
        let clock = plain.dropFirst(11)
        guard date.count == 10, date.utf8.allSatisfy({ "0123456789-".utf8.contains($0) }),
            clock.utf8.allSatisfy({ "0123456789:.".utf8.contains($0) })
        else { return nil }
        let zeros = "00:00:00.000000"
        return "\(date)T\(clock)\(zeros.dropFirst(clock.count))"
    }
}
