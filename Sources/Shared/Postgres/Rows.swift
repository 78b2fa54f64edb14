/// The result of one statement, copied out of libpq: one buffer and an offset for each value.
///
/// Values are read by ``subscript(_:)``, whose accessors throw. Those that take a row and a column trap, as an array does for a
/// bad index: they are for rows that were looked through before, on the way of every announcement.
public struct Rows: Sendable {
    /// The number of rows.
    public let count: Int
    /// The names of the columns, in order.
    public let columnNames: [String]
    /// What the server says about the statement, e.g. `INSERT 0 3`.
    public let commandTag: String
    /// The rows inserted, updated, deleted or selected; 0 for other statements.
    public let affectedRows: Int

    let arena: [UInt8]
    /// Where value `i` ends and the next starts; a NULL's end is stored as its complement.
    private let ends: [Int]

    init(
        count: Int, columnNames: [String], commandTag: String, affectedRows: Int, arena: [UInt8], ends: [Int]
    ) {
        self.count = count
        self.columnNames = columnNames
        self.commandTag = commandTag
        self.affectedRows = affectedRows
        self.arena = arena
        self.ends = ends
    }

    /// The size of all values together, in bytes.
    public var byteCount: Int { arena.count }

    /// A row. There need be none: reading from it throws then.
    public subscript(row: Int) -> Row { Row(rows: self, index: row) }

    /// What `transform` makes of each row, in order.
    public func map<T>(_ transform: (Row) throws(PostgresError) -> T) throws(PostgresError) -> [T] {
        var result: [T] = []
        result.reserveCapacity(count)
        for index in 0..<count { result.append(try transform(self[index])) }
        return result
    }

    /// Where a value lies in ``arena``; nil for NULL.
    func place(_ row: Int, _ column: Int) throws(PostgresError) -> Range<Int>? {
        guard row >= 0 && row < count && column >= 0 && column < columnNames.count else {
            throw PostgresError(kind: .unexpectedAnswer, message: "the answer has no row \(row) or no column \(column)")
        }
        return ends[row * columnNames.count + column] < 0 ? nil : range(row, column)
    }

    private func index(_ row: Int, _ column: Int) -> Int {
        precondition(row >= 0 && row < count && column >= 0 && column < columnNames.count, "no such row or column")
        return row * columnNames.count + column
    }

    private func range(_ row: Int, _ column: Int) -> Range<Int> {
        let index = index(row, column)
        let end = ends[index]
        precondition(end >= 0, "the value is NULL")
        guard index > 0 else { return 0..<end }
        let start = ends[index - 1]
        return (start < 0 ? ~start : start)..<end
    }

    private func load<T: FixedWidthInteger>(_ row: Int, _ column: Int, as type: T.Type) -> T {
        let range = range(row, column)
        precondition(range.count == MemoryLayout<T>.size, "the column has another type")
        return arena.withUnsafeBytes { T(bigEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self)) }
    }

    // MARK: of rows that were looked through before

    /// Whether the value is NULL.
    package func isNull(_ row: Int, _ column: Int) -> Bool { ends[index(row, column)] < 0 }

    /// The value of a `smallint` column.
    package func int2(_ row: Int, _ column: Int) -> Int16 { load(row, column, as: Int16.self) }

    /// The value of an `integer` column.
    package func int4(_ row: Int, _ column: Int) -> Int32 { load(row, column, as: Int32.self) }

    /// The value of a `bigint` column.
    package func int8(_ row: Int, _ column: Int) -> Int64 { load(row, column, as: Int64.self) }

    /// The value of a `timestamptz` column in milliseconds since 1970-01-01 UTC, rounded down.
    package func timestampMilliseconds(_ row: Int, _ column: Int) -> Int64 {
        PostgresTime.milliseconds(microsecondsSince2000: int8(row, column))
    }

    /// The size of a value, 0 for NULL.
    package func byteCount(_ row: Int, _ column: Int) -> Int { isNull(row, column) ? 0 : range(row, column).count }

    /// The bytes of any column as a view of the shared buffer: it costs nothing and keeps the whole result alive.
    package func bytes(_ row: Int, _ column: Int) -> ArraySlice<UInt8> { arena[range(row, column)] }
}
