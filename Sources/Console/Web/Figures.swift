import Glibc
import Outbox
import ProgramRuntime

/// Numbers and times as people read them.
enum Figures {
    /// `18,379`.
    static func grouped(_ number: some BinaryInteger) -> String { DigitGroups.text(number) }

    /// A number with as many digits as people compare: `0.4`, `12`, `1.2k`, `3.4M`.
    static func rough(_ number: Double) -> String {
        switch abs(number) {
        case ..<10: fixed(number, number == number.rounded() ? 0 : 1)
        case ..<1000: fixed(number, 0)
        case ..<10_000: "\(fixed(number / 1000, 1))k"
        case ..<1_000_000: "\(fixed(number / 1000, 0))k"
        case ..<10_000_000: "\(fixed(number / 1_000_000, 1))M"
        default: "\(fixed(number / 1_000_000, 0))M"
        }
    }

    /// A price: all digits that were stored, without an exponent where that is short.
    static func price(_ number: Double) -> String {
        guard number.isFinite else { return "–" }
        let text = "\(number)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// Coordinates of a drawing: one decimal at most.
    static func short(_ number: Double) -> String {
        let tenths = (number * 10).rounded()
        guard tenths.isFinite, abs(tenths) < 1e9 else { return "0" }
        let whole = Int(tenths)
        return whole % 10 == 0 ? String(whole / 10) : "\(whole < 0 ? "-" : "")\(abs(whole) / 10).\(abs(whole) % 10)"
    }

    /// With so many decimals.
    static func fixed(_ number: Double, _ decimals: Int) -> String {
        guard number.isFinite, abs(number) < 1e15 else { return "–" }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int64((abs(number) * scale).rounded())
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int64(scale))
        let sign = number < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return "\(sign)\(whole)" }
        let digits = String(rest)
        return "\(sign)\(whole).\(String(repeating: "0", count: decimals - digits.count))\(digits)"
    }

    /// `2m5s`, for an age or a duration in seconds.
    static func age(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e10 else { return "–" }
        if seconds > 0, seconds < 0.9995 { return "\(fixed(seconds * 1000, 0))ms" }
        if seconds > 0, seconds < 10 { return "\(fixed(seconds, 1))s" }
        let seconds = Int64(max(0, seconds))
        let exact: Int64 = seconds >= 86_400 ? 3600 : seconds >= 3600 ? 60 : 1
        return DurationText.format(.seconds(seconds / exact * exact))
    }

    /// `14:05` of a time in seconds since 1970, UTC; with the day where asked.
    static func clock(_ seconds: Int64, withDay: Bool = false, withSeconds: Bool = false) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min))" + (withSeconds ? ":\(two(parts.tm_sec))" : "")
        return withDay ? "\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(clock)" : clock
    }

    /// `2026-01-31` of a time in seconds since 1970, UTC.
    static func day(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    }

    /// `2026-01-31T14:05:00Z` of a time in seconds since 1970.
    static func iso(_ seconds: Int64) -> String { "\(day(seconds))T\(clock(seconds, withSeconds: true))Z" }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
