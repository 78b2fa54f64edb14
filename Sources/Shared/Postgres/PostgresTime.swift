/// `timestamptz` counts microseconds from 2000-01-01 00:00 UTC.
enum PostgresTime {
    static let millisecondsFrom1970To2000: Int64 = 946_684_800_000

    /// Saturates just inside the values that mean "infinity", which the server refuses as out of range.
    static func microsecondsSince2000(milliseconds: Int64) -> Int64 {
        let (shifted, underflow) = milliseconds.subtractingReportingOverflow(millisecondsFrom1970To2000)
        let (scaled, overflow) = shifted.multipliedReportingOverflow(by: 1000)
        guard underflow || overflow else { return scaled }
        return milliseconds < 0 ? .min + 1 : .max - 1
    }

    /// Rounds towards the past, so that a time never moves to a later millisecond.
    static func milliseconds(microsecondsSince2000 microseconds: Int64) -> Int64 {
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1000)
        return quotient - (remainder < 0 ? 1 : 0) + millisecondsFrom1970To2000
    }
}
