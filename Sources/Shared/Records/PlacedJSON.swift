/// A JSON text whose values know on which line they stand: for files that people write.
struct PlacedJSON {
    enum Value {
        /// Members in order; no name comes twice.
        case object([Member])
        case array([PlacedJSON])
        case string(String)
        case bool(Bool)
        case number, null

        var isObject: Bool { if case .object = self { true } else { false } }
        var isString: Bool { if case .string = self { true } else { false } }

        /// As a sentence names it.
        var name: String {
            switch self {
            case .object: "an object"
            case .array: "an array"
            case .string: "a string"
            case .bool: "a boolean"
            case .number: "a number"
            case .null: "null"
            }
        }
    }

    struct Member {
        let name: String
        /// Of the name.
        let line: Int
        let value: PlacedJSON
    }

    /// Where it begins; the first line is 1.
    let line: Int
    let value: Value

    /// - Throws: ``KindFileError`` for what is no JSON, nests deeper than such files do, or has a name twice.
    static func parse(_ bytes: [UInt8]) throws(KindFileError) -> PlacedJSON {
        var reader = Reader()
        return try reader.whole(bytes.span)
    }

    private struct Reader {
        /// Arrays and objects within one another.
        private static let maximumDepth = 6

        private var scanner = JSONScanner()
        private var line = 1
        private var counted = 0

        mutating func whole(_ bytes: Span<UInt8>) throws(KindFileError) -> PlacedJSON {
            do {
                let value = try value(bytes, depth: 0)
                try scanner.expectEnd(bytes)
                return value
            } catch let error as KindFileError {
                throw error
            } catch {
                throw KindFileError(lineNow(bytes), (error as? Refusal)?.detail ?? "is not JSON")
            }
        }

        /// The line of the scanner's position.
        private mutating func lineNow(_ bytes: Span<UInt8>) -> Int {
            for index in counted..<max(counted, scanner.position) where bytes[index] == UInt8(ascii: "\n") { line += 1 }
            counted = max(counted, scanner.position)
            return line
        }

        private mutating func value(_ bytes: Span<UInt8>, depth: Int) throws -> PlacedJSON {
            let first = scanner.peek(bytes)
            let line = lineNow(bytes)
            guard depth < Self.maximumDepth else { throw KindFileError(line, "nests too deep") }
            let value: Value
            switch first {
            case UInt8(ascii: "{"): value = .object(try members(bytes, depth: depth))
            case UInt8(ascii: "["): value = .array(try elements(bytes, depth: depth))
            case UInt8(ascii: "\""): value = .string(unescape(try scanner.string(bytes), bytes))
            case UInt8(ascii: "t"), UInt8(ascii: "f"):
                _ = try scanner.skipValue(bytes, depth: depth)
                value = .bool(first == UInt8(ascii: "t"))
            case UInt8(ascii: "n"):
                _ = try scanner.skipValue(bytes, depth: depth)
                value = .null
            default:
                _ = try scanner.number(bytes)
                value = .number
            }
            return PlacedJSON(line: line, value: value)
        }

        private mutating func elements(_ bytes: Span<UInt8>, depth: Int) throws -> [PlacedJSON] {
            try scanner.expect(UInt8(ascii: "["), bytes)
            var elements: [PlacedJSON] = []
            guard !scanner.take(UInt8(ascii: "]"), bytes) else { return elements }
            repeat { elements.append(try value(bytes, depth: depth + 1)) } while scanner.take(UInt8(ascii: ","), bytes)
            try scanner.expect(UInt8(ascii: "]"), bytes)
            return elements
        }

        private mutating func members(_ bytes: Span<UInt8>, depth: Int) throws -> [Member] {
            try scanner.expect(UInt8(ascii: "{"), bytes)
            var members: [Member] = []
            guard !scanner.take(UInt8(ascii: "}"), bytes) else { return members }
            repeat {
                _ = scanner.peek(bytes)
                let line = lineNow(bytes)
                let name = unescape(try scanner.string(bytes), bytes)
                guard !members.contains(where: { $0.name == name }) else {
                    throw KindFileError(line, "\(shown(name)) stands in its object twice")
                }
                try scanner.expect(UInt8(ascii: ":"), bytes)
                members.append(Member(name: name, line: line, value: try value(bytes, depth: depth + 1)))
            } while scanner.take(UInt8(ascii: ","), bytes)
            try scanner.expect(UInt8(ascii: "}"), bytes)
            return members
        }
    }
}

/// A text of the file between quotes, made printable and short.
func shown(_ text: String) -> String {
    let bytes = Array(text.utf8)
    return "\"\(excerpt(bytes.indices, bytes.span))\""
}
