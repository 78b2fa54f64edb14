/// A table of headers as it came, walked from entry to entry. What is nested is stepped over by its length: no depth and no
/// number of entries costs more than the bytes of the table.
struct HeaderTable {
    /// A value that can be read by itself. Texts are good as long as the table's bytes are.
    enum Value {
        case text(UnsafeRawBufferPointer)
        case bool(Bool)
        case signed(Int64)
        case unsigned(UInt64)
        case real(Double)
        /// Stepped over: a table, an array, a decimal or nothing.
        case other
    }

    private var fields: FieldReader

    init(_ bytes: UnsafeRawBufferPointer) { fields = FieldReader(bytes) }

    /// The next entry; nil at the end, and where the bytes make no sense: brokers hand on what a publisher wrote without
    /// a look at it, so that is no reason to end a connection.
    mutating func next() -> (name: UnsafeRawBufferPointer, value: Value)? {
        do throws(FieldReader.Malformed) {
            guard !fields.isAtEnd else { return nil }
            return (try fields.shortText(), try value())
        } catch {
            return nil
        }
    }

    private mutating func value() throws(FieldReader.Malformed) -> Value {
        switch UnicodeScalar(try fields.integer(UInt8.self)) {
        case "S", "x": .text(try fields.long())
        case "t": .bool(try fields.integer(UInt8.self) != 0)
        case "b": .signed(Int64(try fields.integer(Int8.self)))
        case "B": .unsigned(UInt64(try fields.integer(UInt8.self)))
        case "s", "U": .signed(Int64(try fields.integer(Int16.self)))
        case "u": .unsigned(UInt64(try fields.integer(UInt16.self)))
        case "I": .signed(Int64(try fields.integer(Int32.self)))
        case "i": .unsigned(UInt64(try fields.integer(UInt32.self)))
        case "l": .signed(try fields.integer(Int64.self))
        case "L", "T": .unsigned(try fields.integer(UInt64.self))
        case "f": .real(Double(Float(bitPattern: try fields.integer(UInt32.self))))
        case "d": .real(Double(bitPattern: try fields.integer(UInt64.self)))
        case "A", "F": try skip(fields.long())
        case "D": try skip(fields.bytes(5))
        case "V": .other
        default: throw FieldReader.Malformed()
        }
    }

    private func skip(_: UnsafeRawBufferPointer) -> Value { .other }
}
