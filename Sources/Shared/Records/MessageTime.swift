import Glibc

/// Instants as the contract has them: milliseconds since 1970-01-01T00:00:00Z.
enum MessageTime {
    /// 1900-01-01 up to but not including 2100-01-01: what is outside of this is no time of milliseconds at all.
    static let range: Range<Int64> = -2_208_988_800_000..<4_102_444_800_000

    /// 1990-01-01, before there was a market whose records come here: an interval that begins earlier has its times in seconds,
    /// which lie in 1970.
    static let earliest: Int64 = 631_152_000_000

    /// The end of an interval lies at most a year ahead of the clock, and of a clock that is wrong by years no message is
    /// the worse: it counts from 2027 at least.
    static func latest() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return max(Int64(time.tv_sec) * 1000, 1_798_761_600_000) + year
    }

    /// The longest interval: of a leap year.
    static let year: Int64 = 366 * 86_400_000

    /// Reads `intervalStart` and the like: an integer of milliseconds, or an ISO 8601 string with a zone.
    static func scan(_ scanner: inout JSONScanner, _ bytes: Span<UInt8>) throws(Refusal) -> Int64 {
        let value: Int64
        let source: Range<Int>
        if scanner.peek(bytes) == UInt8(ascii: "\"") {
            let text = try scanner.string(bytes)
            source = text.range
            guard let parsed = iso8601(text, bytes) else {
                throw Refusal(
                    .wrongType,
                    "expected milliseconds or an ISO 8601 time with a zone, found \"\(excerpt(source, bytes))\"")
            }
            value = parsed
        } else {
            let number = try scanner.requireNumber(bytes)
            source = number.range
            guard let integer = number.integer else {
                throw Refusal(.wrongType, "expected whole milliseconds, found \(excerpt(source, bytes))")
            }
            value = integer
        }
        guard range.contains(value) else {
            throw Refusal(.outOfRange, "expected a time from 1900 to 2099, found \(excerpt(source, bytes))")
        }
        return value
    }

    private static func iso8601(_ text: JSONScanner.Text, _ bytes: Span<UInt8>) -> Int64? {
        guard text.hasEscapes else { return iso8601(text.range, bytes) }
        let plain = Array(unescape(text, bytes).utf8)  // some encoders write the zone's + as an escape
        return iso8601(plain.indices, plain.span)
    }

    /// `2023-12-11T14:39:00[.123456](Z|±hh:mm|±hhmm|±hh)`; nil for anything else, leap seconds (`:60`) among it.
    static func iso8601(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Int64? {
        var reader = DigitFields(position: range.lowerBound, end: range.upperBound)
        guard let year = reader.digits(4, bytes), reader.take("-", bytes),
            let month = reader.digits(2, bytes), reader.take("-", bytes),
            let day = reader.digits(2, bytes), reader.take("T", bytes) || reader.take(" ", bytes),
            let hour = reader.digits(2, bytes), reader.take(":", bytes),
            let minute = reader.digits(2, bytes), reader.take(":", bytes),
            let second = reader.digits(2, bytes),
            (1...12).contains(month), day >= 1, day <= daysIn(month: month, year: year),
            hour < 24, minute < 60, second < 60
        else { return nil }
        guard let milliseconds = reader.take(".", bytes) ? reader.fraction(bytes) : 0,
            let offset = reader.zone(bytes), reader.position == range.upperBound
        else { return nil }
        let days = daysSince1970(year: year, month: month, day: day)
        return Int64(((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + Int64(milliseconds)
    }

    private struct DigitFields {
        var position: Int
        let end: Int

        mutating func digits(_ count: Int, _ bytes: Span<UInt8>) -> Int? {
            guard position + count <= end else { return nil }
            var value = 0
            for index in position..<(position + count) {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit < 10 else { return nil }
                value = value * 10 + Int(digit)
            }
            position += count
            return value
        }

        mutating func take(_ character: Unicode.Scalar, _ bytes: Span<UInt8>) -> Bool {
            guard position < end, bytes[position] == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        /// Milliseconds of a fraction of one or more digits; those after the third are cut.
        mutating func fraction(_ bytes: Span<UInt8>) -> Int? {
            var value = 0
            var count = 0
            while let digit = digits(1, bytes) {
                if count < 3 { value = value * 10 + digit }
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in count..<max(count, 3) { value *= 10 }
            return value
        }

        /// Minutes east of UTC.
        mutating func zone(_ bytes: Span<UInt8>) -> Int? {
            if take("Z", bytes) { return 0 }
            let east = take("+", bytes)
            guard east || take("-", bytes), let hours = digits(2, bytes), hours < 24 else { return nil }
            let hasMinutes = take(":", bytes) || position < end
            guard let minutes = hasMinutes ? digits(2, bytes) : 0, minutes < 60 else { return nil }
            return (east ? 1 : -1) * (hours * 60 + minutes)
        }
    }

    private static func daysIn(month: Int, year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
