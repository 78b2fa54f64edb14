public import ArgumentParser
import Glibc
public import Postgres
import ProgramRuntime

/// `--limit` of a listing, alike everywhere: 50 rows unless told otherwise, 0 for all. What is left out is said on standard
/// error, in every format.
public struct RowLimit: ParsableArguments {
    @Option(name: .customLong("limit"), help: "The most rows; 0 for all.") public var rows = 50

    public init() {}

    public func validate() throws {
        if rows < 0 { throw ValidationError("--limit is \(rows), but may be: 0 for all, or a number above") }
    }

    /// For `LIMIT`: one row more than is shown, which tells that there are more. NULL is none.
    public var parameter: Parameter { rows == 0 ? .null(TypeOID.int8) : .int8(Int64(rows) + 1) }

    /// How many of the rows that came are shown.
    public func shown(_ count: Int) -> Int { rows == 0 ? count : min(count, rows) }

    /// Says that rows were left out, if any were.
    /// - Parameters:
    ///   - count: How many rows came.
    ///   - program: Whose voice it is.
    public func noteRest(_ count: Int, _ program: String) {
        guard rows > 0, count > rows else { return }
        StandardStream.write(
            "\(program): there are more rows than the \(rows) shown; all of them: --limit 0\n", to: STDERR_FILENO)
    }
}
