import Glibc

/// Builds a one-dimensional array in PostgreSQL's binary format, in one buffer and without work for each element
/// beyond copying it.
///
/// The layout (`array_recv` in `arrayfuncs.c`), all big-endian: dimensions, null flag, element type, then for the one
/// dimension its length and lower bound; for each element a length and the bytes, or length -1 for NULL. The header
/// is kept right as elements are added, so the buffer can be sent at any time.
public struct BinaryArray: Sendable {
    static let headerLength = 20

    /// The type that elements must have.
    public let elementType: ElementType
    /// How many elements there are, nulls included.
    public private(set) var count = 0

    /// Always grown ahead of use: bytes past `used` are spare.
    private var storage: [UInt8]
    private var used = Self.headerLength
    /// Where the length of the element under construction belongs.
    private var openElement: Int?

    /// - Parameters:
    ///   - elementType: the type of all elements.
    ///   - capacity: how many elements to make room for.
    public init(elementType: ElementType, capacity: Int) {
        self.elementType = elementType
        storage = [UInt8](repeating: 0, count: Self.headerLength + capacity * (4 + elementType.typicalWidth))
        writeHeader()
    }

    /// Removes the elements and keeps the memory. A parameter made from the array before keeps its elements.
    public mutating func removeAll() {
        precondition(openElement == nil, "an element is under construction")
        (count, used) = (0, Self.headerLength)
        writeHeader()
    }

    private mutating func writeHeader() {
        let oid = elementType.oid
        storage.withUnsafeMutableBytes { buffer in
            buffer.storeBigEndian(UInt32(0), at: 0)
            buffer.storeBigEndian(UInt32(0), at: 4)
            buffer.storeBigEndian(oid, at: 8)
            buffer.storeBigEndian(UInt32(0), at: 12)
            buffer.storeBigEndian(UInt32(1), at: 16)
        }
    }

    /// The size of the bytes to send.
    var byteCount: Int { used }

    /// The bytes to send. An empty array has no dimensions at all.
    func withWireBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        precondition(openElement == nil, "an element is under construction")
        return storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<(count == 0 ? 12 : used)])) }
    }

    // MARK: fixed-width elements

    /// Adds a `smallint`.
    public mutating func append(int2 value: Int16) { append(UInt16(bitPattern: value), as: .int2) }

    /// Adds an `integer`.
    public mutating func append(int4 value: Int32) { append(UInt32(bitPattern: value), as: .int4) }

    /// Adds a `bigint`.
    public mutating func append(int8 value: Int64) { append(UInt64(bitPattern: value), as: .int8) }

    /// Adds a `double precision`.
    public mutating func append(double value: Double) { append(value.bitPattern, as: .double) }

    /// Adds a `boolean`.
    public mutating func append(bool value: Bool) { append(UInt8(value ? 1 : 0), as: .bool) }

    /// Adds a `timestamptz`.
    /// - Parameter value: milliseconds since 1970-01-01 UTC.
    public mutating func append(timestampMilliseconds value: Int64) {
        append(UInt64(bitPattern: PostgresTime.microsecondsSince2000(milliseconds: value)), as: .timestamptz)
    }

    private mutating func append<T: FixedWidthInteger>(_ value: T, as type: ElementType) {
        precondition(type == elementType && openElement == nil, "the array holds another type")
        let width = MemoryLayout<T>.size
        let start = reserve(4 + width)
        count += 1
        let newCount = UInt32(truncatingIfNeeded: count)
        storage.withUnsafeMutableBytes { buffer in
            buffer.storeBigEndian(UInt32(truncatingIfNeeded: width), at: start)
            buffer.storeBigEndian(value, at: start + 4)
            buffer.storeCount(newCount)
        }
    }

    /// Adds a NULL.
    public mutating func appendNull() {
        precondition(openElement == nil, "an element is under construction")
        let start = reserve(4)
        count += 1
        let newCount = UInt32(truncatingIfNeeded: count)
        storage.withUnsafeMutableBytes { buffer in
            buffer.storeBigEndian(UInt32.max, at: start)
            buffer.storeBigEndian(UInt32(1), at: 4)
            buffer.storeCount(newCount)
        }
    }

    // MARK: text and bytea

    /// Adds a text.
    public mutating func append(text value: String) {
        var value = value
        value.withUTF8 { append(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Adds an element of these bytes; a text must be UTF-8 without U+0000 (else the server refuses it, 22021).
    public mutating func append(bytes: UnsafeRawBufferPointer) {
        beginElement()
        append(raw: bytes)
        endElement()
    }

    /// Adds an element of these bytes; a text must be UTF-8 without U+0000 (else the server refuses it, 22021).
    public mutating func append(bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { append(bytes: $0) }
    }

    /// Starts an element that is put together from several pieces by ``append(raw:)-(UnsafeRawBufferPointer)``.
    public mutating func beginElement() {
        precondition(openElement == nil, "an element is under construction")
        precondition(elementType == .text || elementType == .bytea, "the array holds another type")
        openElement = reserve(4)
    }

    /// Adds a piece to the element under construction.
    public mutating func append(raw bytes: UnsafeRawBufferPointer) {
        precondition(openElement != nil, "no element is under construction")
        let start = reserve(bytes.count)
        storage.withUnsafeMutableBytes { buffer in
            UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).copyMemory(from: bytes)
        }
    }

    /// Adds a piece to the element under construction.
    public mutating func append(raw bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { append(raw: $0) }
    }

    /// Adds one byte to the element under construction.
    public mutating func append(rawByte byte: UInt8) {
        precondition(openElement != nil, "no element is under construction")
        let start = reserve(1)
        storage[start] = byte
    }

    /// Ends the element under construction.
    public mutating func endElement() {
        guard let start = openElement else { preconditionFailure("no element is under construction") }
        openElement = nil
        count += 1
        let length = UInt32(truncatingIfNeeded: used - start - 4)
        let newCount = UInt32(truncatingIfNeeded: count)
        storage.withUnsafeMutableBytes { buffer in
            buffer.storeBigEndian(length, at: start)
            buffer.storeCount(newCount)
        }
    }

    /// Makes room and returns where it starts.
    private mutating func reserve(_ length: Int) -> Int {
        let start = used
        used += length
        if used > storage.count { grow() }
        return start
    }

    /// As blocks of memory: byte by byte, a body of 50 MB took an unoptimised build longer than the server lets a transaction idle.
    private mutating func grow() {
        let length = max(used, 2 * storage.count)
        storage = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            let whole = UnsafeMutableRawBufferPointer(buffer)
            storage.withUnsafeBytes { whole.copyMemory(from: $0) }
            memset(whole.baseAddress! + storage.count, 0, length - storage.count)
            count = length
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func storeBigEndian<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
    }

    fileprivate func storeCount(_ count: UInt32) {
        storeBigEndian(UInt32(1), at: 0)
        storeBigEndian(count, at: 12)
    }
}
