/// A strict, bounds-checked reader of one JSON text (RFC 8259) in place: it hands out ranges of bytes and copies nothing.
///
/// Stricter than Foundation where leniency would let a message mean two things: no byte order mark, no lone
/// surrogates, no `\u0000` (PostgreSQL can't store it), no nesting beyond ``maximumDepth``.
struct JSONScanner {
    /// How deep arrays and objects may nest. The deepest record (an array of arrays in `payload`) nests 4 deep.
    static let maximumDepth = 64

    /// The next byte to read.
    private(set) var position = 0

    // MARK: structure

    /// The next byte after white space, not consumed; nil at the end.
    mutating func peek(_ bytes: Span<UInt8>) -> UInt8? {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            position += 1
        }
        return nil
    }

    /// Consumes `byte` if it is the next one after white space.
    mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard peek(bytes) == byte else { return false }
        position += 1
        return true
    }

    mutating func expect(_ byte: UInt8, _ bytes: Span<UInt8>) throws(Refusal) {
        guard take(byte, bytes) else {
            throw syntaxError("expected '\(Character(UnicodeScalar(byte)))'", bytes)
        }
    }

    /// Only white space may follow the outermost value.
    mutating func expectEnd(_ bytes: Span<UInt8>) throws(Refusal) {
        guard peek(bytes) == nil else { throw syntaxError("expected the end of the body", bytes) }
    }

    /// Moves past one value of any type.
    /// - Parameter depth: how many arrays and objects are open around it.
    /// - Returns: the value's bytes.
    mutating func skipValue(_ bytes: Span<UInt8>, depth: Int) throws(Refusal) -> Range<Int> {
        let first = peek(bytes)
        let start = position
        switch first {
        case UInt8(ascii: "{"):
            try descend(from: depth)
            if !take(UInt8(ascii: "}"), bytes) {
                repeat {
                    _ = try string(bytes)
                    try expect(UInt8(ascii: ":"), bytes)
                    _ = try skipValue(bytes, depth: depth + 1)
                } while take(UInt8(ascii: ","), bytes)
                try expect(UInt8(ascii: "}"), bytes)
            }
        case UInt8(ascii: "["):
            try descend(from: depth)
            if !take(UInt8(ascii: "]"), bytes) {
                repeat { _ = try skipValue(bytes, depth: depth + 1) } while take(UInt8(ascii: ","), bytes)
                try expect(UInt8(ascii: "]"), bytes)
            }
        case UInt8(ascii: "\""): _ = try string(bytes)
        case UInt8(ascii: "t"): try literal("true", bytes)
        case UInt8(ascii: "f"): try literal("false", bytes)
        case UInt8(ascii: "n"): try literal("null", bytes)
        default: _ = try number(bytes)
        }
        return start..<position
    }

    /// Consumes the bracket or brace that opens one more array or object.
    private mutating func descend(from depth: Int) throws(Refusal) {
        guard depth < Self.maximumDepth else {
            throw Refusal(.tooDeep, "nesting is deeper than \(Self.maximumDepth) at byte \(position)")
        }
        position += 1
    }

    mutating func takeNull(_ bytes: Span<UInt8>) throws(Refusal) -> Bool {
        guard peek(bytes) == UInt8(ascii: "n") else { return false }
        try literal("null", bytes)
        return true
    }

    private mutating func literal(_ text: StaticString, _ bytes: Span<UInt8>) throws(Refusal) {
        let length = text.utf8CodeUnitCount
        let end = position + length
        var matches = end <= bytes.count
        for offset in 0..<length where matches {
            matches = bytes[position + offset] == text.utf8Start[offset]
        }
        guard matches else { throw syntaxError("expected a value", bytes) }
        position = end
    }

    // MARK: strings

    /// A string's bytes between its quotes, escapes as they stand.
    struct Text {
        var range: Range<Int>
        var hasEscapes: Bool
    }

    mutating func string(_ bytes: Span<UInt8>) throws(Refusal) -> Text {
        guard take(UInt8(ascii: "\""), bytes) else { throw syntaxError("expected a string", bytes) }
        let start = position
        var hasEscapes = false
        while true {
            skipPlain(bytes)
            guard position < bytes.count else { break }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return Text(range: start..<(position - 1), hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try skipEscape(bytes)
            case 0x80...: try skipMultibyte(bytes)
            default: throw syntaxError("expected no control character in a string", bytes)
            }
        }
        throw syntaxError("expected the end of a string", bytes)
    }

    /// Moves past the characters of a string that stand for themselves in one byte.
    @inline(__always)
    private mutating func skipPlain(_ bytes: Span<UInt8>) {
        var index = position
        while index + 8 <= bytes.count {
            let special = specialBytes(bytes.word(at: index))
            index += special.trailingZeroBitCount / 8
            if special != 0 { break }
        }
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { break }
            index += 1
        }
        position = index
    }

    private mutating func skipEscape(_ bytes: Span<UInt8>) throws(Refusal) {
        guard position + 1 < bytes.count else { throw syntaxError("expected an escape", bytes) }
        switch bytes[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
        case UInt8(ascii: "u"):
            let unit = try codeUnit(bytes)
            switch unit {
            case 0: throw Refusal(.notJSON, "\\u0000 at byte \(position - 6): no text column can hold it")
            case 0xDC00...0xDFFF: throw syntaxError("expected a high surrogate first", bytes)
            case 0xD800...0xDBFF:
                guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position + 1] == UInt8(ascii: "u"), (0xDC00...0xDFFF).contains(try codeUnit(bytes))
                else { throw syntaxError("expected a low surrogate", bytes) }
            default: break
            }
        default: throw syntaxError("expected an escape", bytes)
        }
    }

    /// Reads `\uXXXX` at the position.
    private mutating func codeUnit(_ bytes: Span<UInt8>) throws(Refusal) -> UInt32 {
        guard position + 6 <= bytes.count else { throw syntaxError("expected four hexadecimal digits", bytes) }
        var unit: UInt32 = 0
        for offset in 2..<6 {
            guard let digit = hexadecimalValue(bytes[position + offset]) else {
                throw syntaxError("expected four hexadecimal digits", bytes)
            }
            unit = unit << 4 | digit
        }
        position += 6
        return unit
    }

    /// Moves past one UTF-8 sequence of 2 to 4 bytes; the ranges are those of Unicode table 3-7 (no overlong forms,
    /// no surrogates, nothing above U+10FFFF).
    private mutating func skipMultibyte(_ bytes: Span<UInt8>) throws(Refusal) {
        let lead = bytes[position]
        let (length, second): (Int, ClosedRange<UInt8>) =
            switch lead {
            case 0xC2...0xDF: (2, 0x80...0xBF)
            case 0xE0: (3, 0xA0...0xBF)
            case 0xED: (3, 0x80...0x9F)
            case 0xE1...0xEF: (3, 0x80...0xBF)
            case 0xF0: (4, 0x90...0xBF)
            case 0xF1...0xF3: (4, 0x80...0xBF)
            case 0xF4: (4, 0x80...0x8F)
            default: (0, 0...0)
            }
        var valid = length > 0 && position + length <= bytes.count && second.contains(bytes[position + 1])
        for offset in 2..<max(length, 2) where valid { valid = bytes[position + offset] & 0xC0 == 0x80 }
        guard valid else { throw Refusal(.notJSON, "the body is not UTF-8 at byte \(position)") }
        position += length
    }

    // MARK: numbers

    mutating func number(_ bytes: Span<UInt8>) throws(Refusal) -> JSONNumber {
        _ = peek(bytes)
        guard let number = JSONNumber(at: position, bytes) else { throw syntaxError("expected a value", bytes) }
        position = number.range.upperBound
        return number
    }

    /// A number where the contract wants one; another type is refused as such, not as a syntax error.
    mutating func requireNumber(_ bytes: Span<UInt8>) throws(Refusal) -> JSONNumber {
        switch peek(bytes) ?? 0 {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number(bytes)
        default: throw try wrongType("a number", bytes)
        }
    }

    // MARK: errors

    func syntaxError(_ expectation: String, _ bytes: Span<UInt8>) -> Refusal {
        guard position < bytes.count else {
            return Refusal(.notJSON, "\(expectation) at byte \(position), found the end of the body")
        }
        return Refusal(.notJSON, "\(expectation) at byte \(position), found \(describe(byte: bytes[position]))")
    }

    /// Says what stands here instead of what was wanted, if it is JSON at all.
    mutating func wrongType(_ wanted: String, _ bytes: Span<UInt8>) throws(Refusal) -> Refusal {
        let found =
            switch peek(bytes) {
            case UInt8(ascii: "{"): "an object "
            case UInt8(ascii: "["): "an array "
            case UInt8(ascii: "\""): "a string "
            case UInt8(ascii: "t"), UInt8(ascii: "f"): "a boolean "
            case UInt8(ascii: "n"): ""
            default: "a number "
            }
        let start = position
        defer { position = start }
        _ = try skipValue(bytes, depth: 4)
        return Refusal(.wrongType, "expected \(wanted), found \(found)\(excerpt(start..<position, bytes))")
    }
}

/// At most 40 bytes of the message, made printable.
func excerpt(_ range: Range<Int>, _ bytes: Span<UInt8>) -> String {
    var text = ""
    for index in range.prefix(40) {
        let byte = bytes[index]
        text.unicodeScalars.append((0x20...0x7E).contains(byte) ? UnicodeScalar(byte) : "?")
    }
    return range.count > 40 ? text + "…" : text
}

func hexadecimalValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
}

private func describe(byte: UInt8) -> String {
    (0x21...0x7E).contains(byte) ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x" + String(byte, radix: 16)
}
