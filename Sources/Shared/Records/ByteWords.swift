// Eight bytes at a time.

extension Span<UInt8> {
    /// The eight bytes from `index`, the first one lowest.
    @inline(__always)
    func word(at index: Int) -> UInt64 {
        UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }
}

/// Bit 7 is set in the first byte of `word` that is a quote, a backslash, a control character or no ASCII, and in none
/// before it (Mycroft's test for a zero byte; the first one that it finds is right).
@inline(__always)
func specialBytes(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let marks = ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
    let control = (word &- ones &* 0x20) & ~word
    return (marks | control | word) & (ones &* 0x80)
}
