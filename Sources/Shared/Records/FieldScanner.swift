/// Reads one field of a payload and writes it as the text that PostgreSQL casts to the column's type.
struct FieldScanner {
    /// Digits of an exact decimal, on both sides of the point together: twice what a 256-bit token amount has.
    static let maximumDigits = 160
    /// Elements of a row. Short rows are filled up to the longest: one long row must not make a small message a huge array.
    static let maximumWidth = 32

    /// Bytes of a text.
    static let maximumTextBytes = 10_000
    /// Bytes of JSON in a field of that type.
    static let maximumJSONBytes = 65_536

    /// Appends the column's text to `text`.
    /// - Returns: false if the column is to be null.
    static func scan(
        _ rule: RecordKind.FieldRule, _ scanner: inout JSONScanner, _ bytes: Span<UInt8>, into text: inout [UInt8],
        times: inout RowTimes
    ) throws(Refusal) -> Bool {
        if rule.allowsNull, try scanner.takeNull(bytes) { return false }
        switch rule.shape {
        case .rows(let rows): try scanRows(rows, &scanner, bytes, into: &text, times: &times)
        case .number:
            let number = try scanner.requireNumber(bytes)
            let value = try finite(number, bytes)
            if rule.isNotNegative, value < 0 { throw negative(number.range, bytes) }
            append(number.range, bytes, to: &text)
        case .integer: try scanInteger(&scanner, bytes, mayBeNegative: !rule.isNotNegative, into: &text)
        case .decimal: try scanExactDecimal(&scanner, bytes, mayBeNegative: !rule.isNotNegative, into: &text)
        case .text: try scanText(&scanner, bytes, into: &text)
        case .boolean:
            guard let first = scanner.peek(bytes), first == UInt8(ascii: "t") || first == UInt8(ascii: "f") else {
                throw try scanner.wrongType("a boolean", bytes)
            }
            append(try scanner.skipValue(bytes, depth: 2), bytes, to: &text)
        case .json: try scanJSON(&scanner, bytes, into: &text)
        }
        return true
    }

    // MARK: arrays of rows

    private static func scanRows(
        _ rule: RowRule, _ scanner: inout JSONScanner, _ bytes: Span<UInt8>, into text: inout [UInt8],
        times: inout RowTimes
    ) throws(Refusal) {
        let start = text.count
        let restart = scanner
        var widths = try writeRows(rule, padTo: 0, &scanner, bytes, into: &text, times: &times)
        if widths.lowerBound != widths.upperBound {
            // PostgreSQL's arrays are rectangular: write again, short rows filled up with NULL.
            text.removeSubrange(start...)
            scanner = restart
            widths = try writeRows(rule, padTo: widths.upperBound, &scanner, bytes, into: &text, times: &times)
        }
    }

    /// - Returns: the least and the greatest number of elements in a row.
    private static func writeRows(
        _ rule: RowRule, padTo width: Int, _ scanner: inout JSONScanner, _ bytes: Span<UInt8>,
        into text: inout [UInt8], times: inout RowTimes
    ) throws(Refusal) -> ClosedRange<Int> {
        guard scanner.take(UInt8(ascii: "["), bytes) else { throw try scanner.wrongType("an array", bytes) }
        var least = Int.max
        var greatest = 0
        var row = 0
        text.append(UInt8(ascii: "{"))
        if !scanner.take(UInt8(ascii: "]"), bytes) {
            repeat {
                if row > 0 { text.append(UInt8(ascii: ",")) }
                let count = try writeRow(
                    rule, row: row, padTo: width, &scanner, bytes, into: &text, times: &times)
                (least, greatest) = (min(least, count), max(greatest, count))
                row += 1
            } while scanner.take(UInt8(ascii: ","), bytes)
            try scanner.expect(UInt8(ascii: "]"), bytes)
        }
        text.append(UInt8(ascii: "}"))
        return min(least, greatest)...greatest
    }

    private static func writeRow(
        _ rule: RowRule, row: Int, padTo width: Int, _ scanner: inout JSONScanner, _ bytes: Span<UInt8>,
        into text: inout [UInt8], times: inout RowTimes
    ) throws(Refusal) -> Int {
        if rule.allowsNullRows, try scanner.takeNull(bytes) {
            append("{NULL", to: &text)
            for _ in 1..<max(rule.minimumWidth, width) { append(",NULL", to: &text) }
            append("}", to: &text)
            return rule.minimumWidth
        }
        var values = RowValues(repeating: .nan)
        var count = 0
        guard scanner.take(UInt8(ascii: "["), bytes) else {
            throw try scanner.wrongType("an array", bytes).inside("[\(row)]")
        }
        text.append(UInt8(ascii: "{"))
        do throws(Refusal) {
            if !scanner.take(UInt8(ascii: "]"), bytes) {
                repeat {
                    guard count < maximumWidth else {
                        throw Refusal(.outOfRange, "expected at most \(maximumWidth) elements, found more")
                    }
                    if count > 0 { text.append(UInt8(ascii: ",")) }
                    let value = try element(count, rule, &scanner, bytes, into: &text)
                    if count < values.count { values[count] = value }
                    count += 1
                } while scanner.take(UInt8(ascii: ","), bytes)
                try scanner.expect(UInt8(ascii: "]"), bytes)
            }
        } catch {
            throw error.inside("[\(row)][\(count)]")
        }
        if count < rule.minimumWidth {
            throw Refusal(.missingField, "expected at least \(rule.minimumWidth) elements, found \(count)")
                .inside("[\(row)]")
        }
        if let complaint = rule.complaint(values) { throw Refusal(.outOfRange, complaint).inside("[\(row)]") }
        if let index = rule.timeIndex { times.note(values[index], row: row, element: index) }
        for _ in count..<max(count, width) { append(",NULL", to: &text) }
        text.append(UInt8(ascii: "}"))
        return count
    }

    /// - Returns: the element's value, NaN for null.
    @inline(__always)
    private static func element(
        _ index: Int, _ rule: RowRule, _ scanner: inout JSONScanner, _ bytes: Span<UInt8>, into text: inout [UInt8]
    ) throws(Refusal) -> Double {
        if index == rule.timeIndex {
            let number = try scanner.requireNumber(bytes)
            guard let time = number.integer, MessageTime.range.contains(time) else {
                throw Refusal(
                    .outOfRange, "expected milliseconds from 1900 to 2099, found \(excerpt(number.range, bytes))")
            }
            append(number.range, bytes, to: &text)
            return Double(time)
        }
        if rule.allowsNull, try scanner.takeNull(bytes) {
            append("NULL", to: &text)
            return .nan
        }
        let number = try scanner.requireNumber(bytes)
        let value = try finite(number, bytes)
        append(number.range, bytes, to: &text)
        return value
    }

    // MARK: numbers

    private static func finite(_ number: JSONNumber, _ bytes: Span<UInt8>) throws(Refusal) -> Double {
        guard let value = number.double(bytes) else {
            throw Refusal(.outOfRange, "expected a double precision number, found \(excerpt(number.range, bytes))")
        }
        return value
    }

    /// The column takes digits alone, where JSON may have `1e3` or `5.0`.
    private static func scanInteger(
        _ scanner: inout JSONScanner, _ bytes: Span<UInt8>, mayBeNegative: Bool, into text: inout [UInt8]
    ) throws(Refusal) {
        let number = try scanner.requireNumber(bytes)
        guard let value = number.integer else {
            throw Refusal(.wrongType, "expected an integer of 64 bits, found \(excerpt(number.range, bytes))")
        }
        guard mayBeNegative || value >= 0 else { throw negative(number.range, bytes) }
        text.append(contentsOf: String(value).utf8)
    }

    private static func scanExactDecimal(
        _ scanner: inout JSONScanner, _ bytes: Span<UInt8>, mayBeNegative: Bool, into text: inout [UInt8]
    ) throws(Refusal) {
        guard scanner.peek(bytes) == UInt8(ascii: "\"") else {
            return try appendExact(scanner.requireNumber(bytes), bytes, mayBeNegative: mayBeNegative, to: &text)
        }
        let string = try scanner.string(bytes)
        if string.hasEscapes {
            let plain = Array(unescape(string, bytes).utf8)
            try appendQuoted(plain.indices, plain.span, mayBeNegative: mayBeNegative, to: &text)
        } else {
            try appendQuoted(string.range, bytes, mayBeNegative: mayBeNegative, to: &text)
        }
    }

    private static func appendQuoted(
        _ range: Range<Int>, _ bytes: Span<UInt8>, mayBeNegative: Bool, to text: inout [UInt8]
    ) throws(Refusal) {
        guard let number = JSONNumber(at: range.lowerBound, bytes), number.range == range else {
            throw Refusal(.wrongType, "expected a decimal number, found \"\(excerpt(range, bytes))\"")
        }
        try appendExact(number, bytes, mayBeNegative: mayBeNegative, to: &text)
    }

    private static func appendExact(
        _ number: JSONNumber, _ bytes: Span<UInt8>, mayBeNegative: Bool, to text: inout [UInt8]
    ) throws(Refusal) {
        guard number.places <= maximumDigits else {
            throw Refusal(
                .outOfRange,
                "expected at most \(maximumDigits) digits, found \(excerpt(number.range, bytes))")
        }
        guard mayBeNegative || !number.isNegative || number.digits == 0 else { throw negative(number.range, bytes) }
        append(number.range, bytes, to: &text)
    }

    private static func negative(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Refusal {
        Refusal(.outOfRange, "\(excerpt(range, bytes)) is negative")
    }

    // MARK: text and JSON

    private static func scanText(
        _ scanner: inout JSONScanner, _ bytes: Span<UInt8>, into text: inout [UInt8]
    ) throws(Refusal) {
        guard scanner.peek(bytes) == UInt8(ascii: "\"") else { throw try scanner.wrongType("a string", bytes) }
        let string = try scanner.string(bytes)
        let start = text.count
        if string.hasEscapes {
            // An escape has six bytes for each of its characters at most.
            try limit(string.range.count, to: 6 * maximumTextBytes, of: "text")
            text.append(contentsOf: unescape(string, bytes).utf8)
        } else {
            try limit(string.range.count, to: maximumTextBytes, of: "text")
            append(string.range, bytes, to: &text)
        }
        try limit(text.count - start, to: maximumTextBytes, of: "text")
    }

    private static func scanJSON(
        _ scanner: inout JSONScanner, _ bytes: Span<UInt8>, into text: inout [UInt8]
    ) throws(Refusal) {
        guard scanner.peek(bytes) != UInt8(ascii: "n") else { throw try scanner.wrongType("a value", bytes) }
        let range = try scanner.skipValue(bytes, depth: 2)
        try limit(range.count, to: maximumJSONBytes, of: "JSON")
        append(range, bytes, to: &text)
    }

    private static func limit(_ count: Int, to most: Int, of what: String) throws(Refusal) {
        guard count <= most else {
            throw Refusal(.outOfRange, "expected at most \(most) bytes of \(what), found \(count)")
        }
    }

    private static func append(_ range: Range<Int>, _ bytes: Span<UInt8>, to text: inout [UInt8]) {
        bytes.extracting(range).withUnsafeBufferPointer { text.append(contentsOf: $0) }
    }

    private static func append(_ literal: StaticString, to text: inout [UInt8]) {
        text.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }
}
