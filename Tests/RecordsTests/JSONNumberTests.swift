import Foundation
import TestSupport
import Testing

@testable import Records

@Suite struct JSONNumberTests {
    /// The number that `text` is from end to end.
    private func number(_ text: String) -> JSONNumber? {
        let bytes = Array(text.utf8)
        guard let number = JSONNumber(at: 0, bytes.span), number.range == bytes.indices else { return nil }
        return number
    }

    /// What `double` must return: the standard library's value, except that infinity and underflow are none.
    private func expected(_ text: String) -> UInt64? {
        let value = Double(text)!
        #expect(value == strtod(text, nil), "\(text): two references differ")
        let isZero = !text.prefix { $0 != "e" && $0 != "E" }.contains { ("1"..."9").contains($0) }
        return value.isInfinite || (value == 0 && !isZero) ? nil : value.bitPattern
    }

    private func expectExact(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(number(text)?.double(bytes.span)?.bitPattern == expected(text), "\(text)")
    }

    @Test(arguments: [
        "0", "-0", "0.0", "-0.0e5", "0e999999999999999999999", "1", "-1", "9007199254740992", "9007199254740993",
        "9007199254740993.0000000000000000000000001", "9223372036854775807", "18446744073709551615",
        "18446744073709551616", "12345678901234567890", "99999999999999999999e-20", "123456789012345678901234567890",
        "0.1", "0.30000000000000004", "0.1234567890123456789", "1e22", "1e23", "1e-22", "1e-23", "8.5e22",
        "9007199254740991e22", "2.2250738585072014e-308", "2.2250738585072011e-308", "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324", "2e-324", "1e-400", "-1e-400", "1.7976931348623157e308", "1.7976931348623158e308",
        "1.7976931348623159e308", "1e309", "-1e309", "1e400", "1e131071", "1E+2", "1e-0",
        "00001".dropFirst(4).description,
        "0.000000000000000000000000000000000001e36", "100000000000000000000000000000000000e-35",
    ])
    func edge(_ text: String) { expectExact(text) }

    @Test func `random decimals are the nearest double`() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<20_000 { expectExact(random.decimal()) }
    }

    @Test func `every double comes back from its shortest text`() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<5_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            expectExact("\(value)")
        }
    }

    @Test func `thousands of digits`() {
        expectExact(String(repeating: "7", count: 309))
        expectExact(String(repeating: "7", count: 310))
        expectExact("0." + String(repeating: "0", count: 300) + String(repeating: "123456789", count: 500))
        // Halfway between two doubles, and just above: the last of 800 digits decides.
        expectExact("9007199254740993." + String(repeating: "0", count: 800))
        expectExact("9007199254740993." + String(repeating: "0", count: 800) + "1")
        expectExact("0." + String(repeating: "0", count: 100_000) + "1")
    }

    @Test(arguments: [
        "", "-", "+1", "01", "-01", "00", ".5", "1.", "1.e5", "1e", "1e+", "1e-", "--1", "0x10", "NaN", "Infinity",
        "1_000",
        "1,5", "1 ", "١",
    ])
    func `no number`(_ text: String) { #expect(number(text) == nil) }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("0e5", 0), ("1.0", 1), ("1e3", 1000), ("1.5e1", 15), ("-2.50e2", -250), ("1000e-3", 1),
        ("1702305540000.000", 1_702_305_540_000), ("9223372036854775807", Int64.max),
        ("9007199254740993", 9_007_199_254_740_993),
        ("1e18", 1_000_000_000_000_000_000), ("0.00001e5", 1),
    ])
    func `an integer`(_ text: String, _ value: Int64) { #expect(number(text)?.integer == value) }

    @Test(arguments: [
        "0.5", "1e-1", "1.00000000000000001", "1702305540000.00001", "1000e-4", "9223372036854775808", "1e19", "1e400",
        "99999999999999999999", "1e-100000",
    ])
    func `no integer`(_ text: String) throws { #expect(try #require(number(text)).integer == nil) }

    @Test(arguments: [
        ("0", 1), ("-0", 1), ("7", 1), ("123.45", 5), ("0.001", 4), ("1e3", 4), ("1.5e3", 4), ("1.25e1", 3),
        ("1e-18", 19),
        ("1.50", 3), ("12345678901234567890.123456789", 29), ("123456789012345678901234567890", 30), ("0.00", 3),
        ("1e160", 161), ("0.1e-5", 7), ("100000000000000000000000e-3", 24),
    ])
    func places(_ text: String, _ count: Int) { #expect(number(text)?.places == count) }
}
