public import Postgres

/// What tests read of an answer. A value of another type ends the process, as the package's own accessors do.
extension Rows {
    public func text(_ row: Int, _ column: Int) -> String { String(decoding: bytes(row, column), as: UTF8.self) }

    public func bool(_ row: Int, _ column: Int) -> Bool { bytes(row, column).elementsEqual([1]) }

    public func double(_ row: Int, _ column: Int) -> Double {
        Double(bitPattern: UInt64(bitPattern: int8(row, column)))
    }
}
