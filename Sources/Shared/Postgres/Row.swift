/// One row of a result. It keeps the whole result alive.
///
/// Every accessor throws when there is no such row or column, when the value is NULL, or when it has not the width of the type
/// that is asked for: the server, or what sits in its place, need not answer what was asked. Cast in SQL to the type that is
/// read.
public struct Row: Sendable {
    let rows: Rows
    let index: Int

    // MARK: numbers

    private func load<T: FixedWidthInteger>(_ column: Int, as type: T.Type) throws(PostgresError) -> T {
        guard let range = try rows.place(index, column) else { throw unexpected(column, "is NULL") }
        guard range.count == MemoryLayout<T>.size else { throw unexpected(column, "has another type than expected") }
        return rows.arena.withUnsafeBytes {
            T(bigEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
        }
    }

    private func unexpected(_ column: Int, _ problem: String) -> PostgresError {
        let name = rows.columnNames.indices.contains(column) ? rows.columnNames[column] : "\(column)"
        return PostgresError(kind: .unexpectedAnswer, message: "the column \(name.prefix(64)) \(problem)")
    }

    /// Whether the value is NULL.
    public func isNull(_ column: Int) throws(PostgresError) -> Bool { try rows.place(index, column) == nil }

    /// The value of a `smallint` column.
    public func int2(_ column: Int) throws(PostgresError) -> Int16 { try load(column, as: Int16.self) }

    /// The value of an `integer` column.
    public func int4(_ column: Int) throws(PostgresError) -> Int32 { try load(column, as: Int32.self) }

    /// The value of a `bigint` column.
    public func int8(_ column: Int) throws(PostgresError) -> Int64 { try load(column, as: Int64.self) }

    /// The value of a `smallint`, `integer` or `bigint` column.
    public func integer(_ column: Int) throws(PostgresError) -> Int64 {
        switch try byteCount(column) {
        case 2: Int64(try int2(column))
        case 4: Int64(try int4(column))
        default: try int8(column)
        }
    }

    /// The value of a `boolean` column.
    public func bool(_ column: Int) throws(PostgresError) -> Bool { try load(column, as: UInt8.self) != 0 }

    /// The value of a `double precision` column.
    public func double(_ column: Int) throws(PostgresError) -> Double {
        Double(bitPattern: try load(column, as: UInt64.self))
    }

    /// The value of a `timestamptz` column in milliseconds since 1970-01-01 UTC, rounded down.
    public func timestampMilliseconds(_ column: Int) throws(PostgresError) -> Int64 {
        PostgresTime.milliseconds(microsecondsSince2000: try int8(column))
    }

    // MARK: text and bytes

    /// The value of a `text`, `json` or `varchar` column.
    public func text(_ column: Int) throws(PostgresError) -> String {
        String(decoding: try bytes(column), as: UTF8.self)
    }

    /// As ``text(_:)``; nil for NULL.
    public func optionalText(_ column: Int) throws(PostgresError) -> String? {
        try isNull(column) ? nil : try text(column)
    }

    /// The size of a value in bytes, 0 for NULL.
    public func byteCount(_ column: Int) throws(PostgresError) -> Int { try rows.place(index, column)?.count ?? 0 }

    /// The bytes of any column as a view of the result's buffer.
    public func bytes(_ column: Int) throws(PostgresError) -> ArraySlice<UInt8> {
        guard let range = try rows.place(index, column) else { throw unexpected(column, "is NULL") }
        return rows.arena[range]
    }
}
