/// The type of the elements of a ``BinaryArray``.
public enum ElementType: Sendable {
    case bool
    case int2
    case int4
    case int8
    case double
    case text
    case bytea
    case timestamptz

    /// The object id of the element type.
    public var oid: UInt32 {
        switch self {
        case .bool: TypeOID.bool
        case .int2: TypeOID.int2
        case .int4: TypeOID.int4
        case .int8: TypeOID.int8
        case .double: TypeOID.double
        case .text: TypeOID.text
        case .bytea: TypeOID.bytea
        case .timestamptz: TypeOID.timestamptz
        }
    }

    /// The object id of the array type.
    public var arrayOID: UInt32 {
        switch self {
        case .bool: 1000
        case .int2: 1005
        case .int4: 1007
        case .int8: 1016
        case .double: 1022
        case .text: 1009
        case .bytea: 1001
        case .timestamptz: 1185
        }
    }

    /// For sizing a buffer only: the width of a value, a guess where it varies.
    var typicalWidth: Int {
        switch self {
        case .bool: 1
        case .int2: 2
        case .int4: 4
        case .int8, .double, .timestamptz: 8
        case .text, .bytea: 24
        }
    }
}
