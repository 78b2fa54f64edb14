/// A number of a JSON text: where its characters stand, and what they amount to.
struct JSONNumber {
    let range: Range<Int>
    let isNegative: Bool
    /// The first 19 significant digits.
    private let mantissa: UInt64
    /// How many digits stand in all, leading zeros left out.
    let digits: Int
    /// What the mantissa is to be multiplied with, as a power of ten.
    private let exponent: Int

    /// Reads the grammar `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`; nil if none starts at `start`.
    init?(at start: Int, _ bytes: Span<UInt8>) {
        var index = start
        let negative = index < bytes.count && bytes[index] == UInt8(ascii: "-")
        if negative { index += 1 }

        var reader = DigitReader()
        let integerStart = index
        reader.readDigits(&index, bytes)
        let integerDigits = index - integerStart
        guard integerDigits > 0, integerDigits == 1 || bytes[integerStart] != UInt8(ascii: "0") else { return nil }

        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let fractionStart = index
            reader.inFraction = true
            reader.readDigits(&index, bytes)
            guard index > fractionStart else { return nil }
        }
        var power = 0
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            guard let written = Self.readExponent(&index, bytes) else { return nil }
            power = written
        }
        range = start..<index
        isNegative = negative
        mantissa = reader.mantissa
        digits = reader.digits
        exponent = reader.exponent + power
    }

    /// Accumulates up to 19 significant digits; what follows only moves the exponent.
    private struct DigitReader {
        var mantissa: UInt64 = 0
        var digits = 0
        var exponent = 0
        var inFraction = false

        mutating func readDigits(_ index: inout Int, _ bytes: Span<UInt8>) {
            while index < bytes.count {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit < 10 else { return }
                index += 1
                if digits > 0 || digit > 0 { digits += 1 }
                if digits <= 19 {
                    mantissa = mantissa &* 10 &+ UInt64(digit)
                    if inFraction { exponent -= 1 }
                } else if !inFraction {
                    exponent += 1
                }
            }
        }
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
        let leading = exponent + min(digits, 19) - 1
        let last = leading - digits + 1
        return max(leading + 1, 1) + max(-last, 0)
    }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
