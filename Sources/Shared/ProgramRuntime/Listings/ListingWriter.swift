import Glibc

/// The forms a listing can have.
public enum ListingFormat: String, CaseIterable, Sendable {
    /// Aligned columns with headings.
    case table
    /// One JSON array of objects.
    case json
    /// One JSON object on each line.
    case ndjson
    /// RFC 4180 with a header line.
    case csv
}

/// A cell of a listing.
public enum ListingValue: Sendable, Equatable {
    case text(String)
    case integer(Int64)
    case double(Double)
    case bool(Bool)
    /// JSON that goes as it is into JSON, and as text into the other forms. It must be valid.
    case json(String)
    /// Texts: an array in JSON, a text with semicolons elsewhere.
    case array([String])
    /// Nothing: `null` in JSON, an empty cell elsewhere.
    case null
}

/// A column of a listing.
public struct ListingColumn: Sendable {
    /// The heading, and the key in JSON: snake case.
    public let name: String
    /// Whether its values are numbers; a table aligns them to the right.
    public let isNumber: Bool
    /// Whether its values are true or false.
    public let isFlag: Bool

    public init(_ name: String, isNumber: Bool = false, isFlag: Bool = false) {
        self.name = name
        self.isNumber = isNumber
        self.isFlag = isFlag
    }
}

/// Writes a listing row by row, so that a long one needs no memory for itself.
///
/// A table takes its widths from the headings and the first 200 rows; a wider cell later shifts its line.
public struct ListingWriter: ~Copyable {
    private static let rowsForWidths = 200

    /// Writes to standard output.
    public static func standardOutput(_ text: String) {
        StandardStream.write(text, to: STDOUT_FILENO)
    }

    private let columns: [ListingColumn]
    private let format: ListingFormat
    private let output: (String) -> Void
    private var pending: [[String]] = []
    private var widths: [Int]?
    private var isFirst = true

    /// - Parameter output: Gets the text piece by piece; standard output unless given.
    public init(
        columns: [ListingColumn], format: ListingFormat,
        output: @escaping (String) -> Void = ListingWriter.standardOutput
    ) {
        self.columns = columns
        self.format = format
        self.output = output
        if format == .csv { output(CSVText.line(columns.map { .text($0.name) })) }
    }

    /// Writes a row with as many cells as there are columns.
    public mutating func write(_ row: [ListingValue]) {
        precondition(row.count == columns.count, "a row has \(row.count) cells for \(columns.count) columns")
        switch format {
        case .csv: output(CSVText.line(row))
        case .json: writeJSON(row)
        case .ndjson: output(object(row) + "\n")
        case .table: writeLine(row.map { SafeText.oneLine($0.plainText, limit: 200) })
        }
    }

    /// Ends the listing; without it a JSON array stays open.
    public consuming func finish() {
        switch format {
        case .csv, .ndjson: break
        case .json: output(isFirst ? "[]\n" : "\n]\n")
        case .table: flushTable()
        }
    }

    private mutating func writeJSON(_ row: [ListingValue]) {
        output((isFirst ? "[\n" : ",\n") + object(row))
        isFirst = false
    }

    private func object(_ row: [ListingValue]) -> String {
        let members = zip(columns, row).map { "\(JSONText.quoted($0.name)):\($1.json)" }
        return "{\(members.joined(separator: ","))}"
    }

    private mutating func writeLine(_ cells: [String]) {
        if let widths {
            output(TextTable.line(cells, widths: widths, rightAligned: rightAligned))
        } else {
            pending.append(cells)
            if pending.count == Self.rowsForWidths { flushTable() }
        }
    }

    private mutating func flushTable() {
        guard widths == nil else { return }
        let rows = [columns.map(\.name)] + pending
        let found = TextTable.widths(of: rows)
        for row in rows { output(TextTable.line(row, widths: found, rightAligned: rightAligned)) }
        widths = found
        pending = []
    }

    private var rightAligned: Set<Int> {
        Set(columns.indices.filter { columns[$0].isNumber })
    }
}
