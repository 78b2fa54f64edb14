public import Postgres
public import ProgramRuntime

extension Row {
    /// The row as cells of a listing, whose columns it has in the same order: integers of any width, `boolean` or text.
    /// - Throws: ``PostgresError`` of kind `unexpectedAnswer` if a value is not there or of another type.
    public func cells(_ columns: [ListingColumn]) throws(PostgresError) -> [ListingValue] {
        var cells: [ListingValue] = []
        for (index, column) in columns.enumerated() { cells.append(try cell(index, of: column)) }
        return cells
    }

    private func cell(_ index: Int, of column: ListingColumn) throws(PostgresError) -> ListingValue {
        if try isNull(index) { return .null }
        if column.isFlag { return .bool(try bool(index)) }
        return column.isNumber ? .integer(try integer(index)) : .text(try text(index))
    }
}
