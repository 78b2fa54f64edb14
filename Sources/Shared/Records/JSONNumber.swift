/// A number of a JSON text: where its characters stand, and what they amount to.
struct JSONNumber {
    let range: Range<Int>
    let isNegative: Bool
    /// All digits as one integer, the point left out; right only up to 19 significant digits.
    private let mantissa: UInt64
    /// How many digits stand in all, leading zeros left out.
    let digits: Int
    /// What the digits as one integer are to be multiplied with, as a power of ten.
    private let exponent: Int

    /// Reads the grammar `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`; nil if none starts at `start`.
    init?(at start: Int, _ bytes: Span<UInt8>) {
        let negative = start < bytes.count && bytes[start] == UInt8(ascii: "-")
        let first = negative ? start + 1 : start
        var mantissa: UInt64 = 0
        var index = Self.readDigits(first, bytes, into: &mantissa)
        var digits = index - first
        guard digits > 0, digits == 1 || bytes[first] != UInt8(ascii: "0") else { return nil }

        var exponent = 0
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            let end = Self.readDigits(index + 1, bytes, into: &mantissa)
            exponent = index + 1 - end
            guard exponent < 0 else { return nil }
            digits -= exponent
            index = end
        }
        if bytes[first] == UInt8(ascii: "0") { digits -= Self.leadingZeros(first..<index, bytes) }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            guard let written = Self.readExponent(&index, bytes) else { return nil }
            exponent += written
        }
        range = start..<index
        isNegative = negative
        self.mantissa = mantissa
        self.digits = digits
        self.exponent = exponent
    }

    /// - Returns: where the digits that start here end.
    @inline(__always)
    private static func readDigits(_ start: Int, _ bytes: Span<UInt8>, into mantissa: inout UInt64) -> Int {
        var index = start
        while index < bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            index += 1
        }
        return index
    }

    private static func leadingZeros(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Int {
        var zeros = 0
        for index in range where bytes[index] != UInt8(ascii: ".") {
            guard bytes[index] == UInt8(ascii: "0") else { break }
            zeros += 1
        }
        return zeros
    }

    private static func readExponent(_ index: inout Int, _ bytes: Span<UInt8>) -> Int? {
        var negative = false
        if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
            negative = bytes[index] == UInt8(ascii: "-")
            index += 1
        }
        let start = index
        var value = 0
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 {
            value = min(value * 10 + Int(bytes[index] &- UInt8(ascii: "0")), 100_000)
            index += 1
        }
        return index > start ? (negative ? -value : value) : nil
    }

    /// The nearest double, or nil if it is too large or too small for one (PostgreSQL refuses both as out of range).
    func double(_ bytes: Span<UInt8>) -> Double? {
        if digits == 0 { return isNegative ? -0.0 : 0.0 }
        // Exact by Clinger 1990: both factors are doubles without rounding, so one rounding remains.
        if digits <= 19, mantissa <= 1 << 53, -22...22 ~= exponent {
            let magnitude =
                exponent < 0
                ? Double(mantissa) / Self.powersOfTen[-exponent] : Double(mantissa) * Self.powersOfTen[exponent]
            return isNegative ? -magnitude : magnitude
        }
        return slowDouble(bytes)
    }

    private func slowDouble(_ bytes: Span<UInt8>) -> Double? {
        // Not strtod, which takes the locale's decimal point.
        let text = bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        guard let value = Double(text), value.isFinite, value != 0 else { return nil }
        return value
    }

    /// The value as an integer; nil if it has a fraction, more than 19 digits or more than 64 bits. `1e3` and `5.0` are
    /// integers.
    var integer: Int64? {
        if digits == 0 { return 0 }
        guard digits <= 19, -18...18 ~= exponent else { return nil }
        var magnitude = mantissa
        if exponent != 0 {
            let power = (0..<abs(exponent)).reduce(UInt64(1)) { product, _ in product * 10 }
            let (result, inexact) =
                exponent > 0
                ? mantissa.multipliedReportingOverflow(by: power)
                : (mantissa / power, !mantissa.isMultiple(of: power))
            guard !inexact else { return nil }
            magnitude = result
        }
        guard let value = Int64(exactly: magnitude) else { return nil }
        return isNegative ? -value : value
    }

    /// How many digits the value has on both sides of the point when it is written without an exponent.
    var places: Int {
        max(exponent + digits, 1) + max(-exponent, 0)
    }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
