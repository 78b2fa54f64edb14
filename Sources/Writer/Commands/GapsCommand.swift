import ArgumentParser
import Candlepost
import Glibc
import ProgramRuntime
import Records

struct GapsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "Lists the intervals that are missing between the records of each market.",
        discussion: """
            From the stored records alone: a row for each gap, with how many intervals it has room for, by which a collector can \
            be asked for them again. A market begins with its first record of the kind; the length of its intervals is the most frequent one, unless --interval says it. Markets \
            that are not active are left out, unless --market names one.
            """)

    @OptionGroup var filter: MissingIntervals.Filter
    @OptionGroup var most: RowLimit
    @Flag(help: "One JSON array.") var json = false
    @Flag(help: "CSV with a header line.") var csv = false

    func validate() throws {
        try KindName.check(filter.kind)
        if json && csv { throw ValidationError("--json and --csv exclude each other") }
    }

    func run() async throws {
        let found = try await CommandConnections.withDatabase(.current, parameters: ["jit": "off"]) {
            [filter, most] in try await MissingIntervals.read(filter, limit: most.parameter, $0)
        }
        var listing = ListingWriter(
            columns: MissingIntervals.columns, format: json ? .json : csv ? .csv : .table)
        for row in found.rows.prefix(most.shown(found.rows.count)) { listing.write(row) }
        listing.finish()
        most.noteRest(found.rows.count, "writer")
        StandardStream.write(
            "writer: \(found.missing) intervals are missing, in \(found.gaps) gaps\n", to: STDERR_FILENO)
    }
}

/// `--kind` of a command.
enum KindName {
    /// Makes sure that a kind is one.
    /// - Throws: `ValidationError` that names those that there are, and the one that may be meant.
    static func check(_ kind: String?) throws(ValidationError) {
        guard let kind, RecordKind.named(kind) == nil else { return }
        let known = RecordKind.all.map(\.name)
        let meant = Spelling.nearest(to: kind, in: known).map { ". Did you mean \($0)?" } ?? ""
        throw ValidationError("--kind is \"\(kind)\", but may be: \(known.joined(separator: ", "))\(meant)")
    }
}
