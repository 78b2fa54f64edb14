/// Reads the fields of a frame, one behind the other, and nothing beyond its end. Copies nothing: what it returns is good as
/// long as the bytes are.
struct FieldReader {
    /// The bytes are not what the protocol says.
    struct Malformed: Error, Equatable {}

    private(set) var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) throws(Malformed) -> Integer {
        Integer(bigEndian: try bytes(MemoryLayout<Integer>.size).loadUnaligned(as: Integer.self))
    }

    /// A bit field, of which one bit is used.
    mutating func bit() throws(Malformed) -> Bool { try integer(UInt8.self) & 1 != 0 }

    mutating func bytes(_ count: Int) throws(Malformed) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= rest.count else { throw Malformed() }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count)) }
        return UnsafeRawBufferPointer(rebasing: rest.prefix(count))
    }

    /// Up to 255 bytes behind their length.
    mutating func shortText() throws(Malformed) -> UnsafeRawBufferPointer { try bytes(Int(try integer(UInt8.self))) }

    /// A long string, a table or an array, by its length in four bytes.
    mutating func long() throws(Malformed) -> UnsafeRawBufferPointer { try bytes(Int(try integer(UInt32.self))) }
}

extension UnsafeRawBufferPointer {
    /// The bytes as text, with repairs where they are not UTF-8, and without control characters.
    var text: String {
        let text = String(decoding: self, as: UTF8.self)
        guard text.utf8.contains(where: { $0 < 32 || $0 == 127 }) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }))
    }
}

extension StaticString {
    func isSame(as bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count == utf8CodeUnitCount
            && bytes.elementsEqual(UnsafeBufferPointer(start: utf8Start, count: bytes.count))
    }
}
