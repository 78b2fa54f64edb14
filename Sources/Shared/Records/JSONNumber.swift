import Glibc

/// A number of a JSON text: where its characters stand, and what they amount to.
struct JSONNumber {
    let range: Range<Int>
    /// Written without fraction and exponent.
    let isInteger: Bool
    let isNegative: Bool
    /// The first 19 significant digits.
    private let mantissa: UInt64
    /// How many digits stand in all, leading zeros left out.
    let digits: Int
    /// What the mantissa is to be multiplied with, as a power of ten.
    private let exponent: Int
    /// The exponent as written after `e`, held within ±100,000.
    let writtenExponent: Int

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

        var integer = true
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let fractionStart = index
            reader.inFraction = true
            reader.readDigits(&index, bytes)
            guard index > fractionStart else { return nil }
            integer = false
        }
        var power = 0
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            guard let written = Self.readExponent(&index, bytes) else { return nil }
            power = written
            integer = false
        }
        range = start..<index
        isInteger = integer
        isNegative = negative
        mantissa = reader.mantissa
        digits = reader.digits
        exponent = reader.exponent + power
        writtenExponent = power
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
        if mantissa == 0 && digits == 0 { return isNegative ? -0.0 : 0.0 }
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
        var text = [CChar]()
        text.reserveCapacity(range.count + 1)
        for index in range { text.append(CChar(bitPattern: bytes[index])) }
        text.append(0)
        let value = strtod(text, nil)
        return value.isFinite && value != 0 ? value : nil
    }

    /// The value as an integer; nil if it has a fraction or lies beyond ±2^53. `1e3` and `5.0` are integers.
    func integer(_ bytes: Span<UInt8>) -> Int64? {
        if isInteger, digits <= 18 { return isNegative ? -Int64(mantissa) : Int64(mantissa) }
        guard let value = double(bytes), value.magnitude <= 9_007_199_254_740_992, value == value.rounded() else {
            return nil
        }
        return Int64(value)
    }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
