/// The value of one parameter, in the binary format.
public struct Parameter: Sendable {
    enum Value: Sendable {
        case null
        /// Up to eight bytes as they go over the wire, lowest address first; no allocation.
        case scalar(UInt64, length: Int)
        case bytes([UInt8])
        case array(BinaryArray)
    }

    /// The type that the server is told.
    let type: UInt32
    let value: Value

    /// The size of the value in bytes.
    var byteCount: Int {
        switch value {
        case .null: 0
        case .scalar(_, let length): length
        case .bytes(let bytes): bytes.count
        case .array(let array): array.byteCount
        }
    }

    private init(type: UInt32, _ value: Value) {
        self.type = type
        self.value = value
    }

    private init(type: UInt32, bits: some FixedWidthInteger & UnsignedInteger) {
        let length = bits.bitWidth / 8
        // Shifted so that the first byte in memory is the most significant byte of the value.
        let wire = UInt64(truncatingIfNeeded: bits) << (64 - bits.bitWidth)
        self.init(type: type, .scalar(wire.bigEndian, length: length))
    }

    /// A `smallint`.
    public static func int2(_ value: Int16) -> Self { Self(type: TypeOID.int2, bits: UInt16(bitPattern: value)) }

    /// An `integer`.
    public static func int4(_ value: Int32) -> Self { Self(type: TypeOID.int4, bits: UInt32(bitPattern: value)) }

    /// A `bigint`.
    public static func int8(_ value: Int64) -> Self { Self(type: TypeOID.int8, bits: UInt64(bitPattern: value)) }

    /// A `boolean`.
    public static func bool(_ value: Bool) -> Self { Self(type: TypeOID.bool, bits: UInt8(value ? 1 : 0)) }

    /// A `double precision`.
    public static func double(_ value: Double) -> Self { Self(type: TypeOID.double, bits: value.bitPattern) }

    /// A `text`. The server refuses U+0000 in it (22021).
    public static func text(_ value: String) -> Self { Self(type: TypeOID.text, .bytes(Array(value.utf8))) }

    /// A `bytea`.
    public static func bytea(_ value: [UInt8]) -> Self { Self(type: TypeOID.bytea, .bytes(value)) }

    /// A `timestamptz`.
    /// - Parameter milliseconds: since 1970-01-01 UTC. What PostgreSQL cannot hold is refused by it (22008).
    public static func timestamp(milliseconds: Int64) -> Self {
        let wire = PostgresTime.microsecondsSince2000(milliseconds: milliseconds)
        return Self(type: TypeOID.timestamptz, bits: UInt64(bitPattern: wire))
    }

    /// NULL of a type; see ``TypeOID``.
    public static func null(_ oid: UInt32) -> Self { Self(type: oid, .null) }

    /// A one-dimensional array.
    public static func array(_ value: BinaryArray) -> Self { Self(type: value.elementType.arrayOID, .array(value)) }

    /// A `smallint[]`.
    public static func array(_ values: some Collection<Int16>) -> Self {
        var array = BinaryArray(elementType: .int2, capacity: values.count)
        for value in values { array.append(int2: value) }
        return .array(array)
    }

    /// An `integer[]`.
    public static func array(_ values: some Collection<Int32>) -> Self {
        var array = BinaryArray(elementType: .int4, capacity: values.count)
        for value in values { array.append(int4: value) }
        return .array(array)
    }

    /// A `bigint[]`.
    public static func array(_ values: some Collection<Int64>) -> Self {
        var array = BinaryArray(elementType: .int8, capacity: values.count)
        for value in values { array.append(int8: value) }
        return .array(array)
    }

    /// A `text[]`.
    public static func array(_ values: some Collection<String>) -> Self {
        var array = BinaryArray(elementType: .text, capacity: values.count)
        for value in values { array.append(text: value) }
        return .array(array)
    }
}
