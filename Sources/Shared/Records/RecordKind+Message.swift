extension RecordKind {
    /// The kind of a message that carries its `type` beside `payload`, as lines for `writer feed` do.
    /// - Returns: a candle's if there is no such field or the text is not JSON; nil if it names no kind.
    public static func ofMessage(_ bytes: Span<UInt8>) -> RecordKind? {
        do throws(Refusal) {
            guard let type = try JSONScanner.topLevelString("type", bytes) else { return .candleStick }
            return named(type)
        } catch {
            return .candleStick
        }
    }
}

extension JSONScanner {
    /// The text of a string field of the outermost object; nil if there is none.
    fileprivate static func topLevelString(_ name: String, _ bytes: Span<UInt8>) throws(Refusal) -> String? {
        let wanted = ShortKey(name)
        var scanner = JSONScanner()
        try scanner.expect(UInt8(ascii: "{"), bytes)
        guard !scanner.take(UInt8(ascii: "}"), bytes) else { return nil }
        repeat {
            let key = ShortKey(try scanner.string(bytes), bytes)
            try scanner.expect(UInt8(ascii: ":"), bytes)
            if key == wanted, scanner.peek(bytes) == UInt8(ascii: "\"") {
                return unescape(try scanner.string(bytes), bytes)
            }
            _ = try scanner.skipValue(bytes, depth: 1)
        } while scanner.take(UInt8(ascii: ","), bytes)
        return nil
    }
}
