/// Object ids of built-in types, fixed since they were introduced (`pg_type.dat`).
public enum TypeOID {
    public static let bool: UInt32 = 16
    public static let bytea: UInt32 = 17
    public static let int8: UInt32 = 20
    public static let int2: UInt32 = 21
    public static let int4: UInt32 = 23
    public static let text: UInt32 = 25
    public static let double: UInt32 = 701
    public static let timestamptz: UInt32 = 1184
}
