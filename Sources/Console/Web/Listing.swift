import Candlepost
import Outbox
import Postgres
import ProgramRuntime
import Synchronization

/// A list as it is read: for a page, JSON, NDJSON and CSV alike.
struct Listing: Sendable {
    let columns: [ListingColumn]
    var rows: [[ListingValue]] = []
    /// The query of the next page; nil at the end.
    var next: String?
    /// How far was looked, where that is worth a word.
    var coverage: String?

    /// The most rows of a page.
    static let pageSize = 75

    func text(as format: ListingFormat) -> String {
        let collected = Mutex("")
        var writer = ListingWriter(columns: columns, format: format) { piece in collected.withLock { $0 += piece } }
        for row in rows { writer.write(row) }
        writer.finish()
        return collected.withLock { $0 }
    }
}

extension Listing {
    /// A page of rows by id, of which one more than a page has was asked for.
    /// - Parameter goesOn: the field of the next page's address that takes the last id of this one.
    init(_ columns: [ListingColumn], _ rows: Rows, _ ask: Ask, goesOn field: String) throws(PostgresError) {
        self.init(columns: columns)
        self.rows = try rows.map { row throws(PostgresError) in try row.cells(columns) }
        guard self.rows.count > Self.pageSize else { return }
        self.rows.removeLast()
        next = ask.fields.with(field, self.rows.last?[0].shown).query
    }
}

extension ListingValue {
    /// The value as people read it.
    var shown: String {
        switch self {
        case .text(let text): text
        case .integer(let number): "\(number)"
        case .bool(let flag): flag ? "yes" : "no"
        case .double(let number): Figures.price(number)
        case .json(let json): json
        case .array(let texts): texts.joined(separator: "; ")
        case .null: ""
        }
    }
}

/// Tables of pages.
enum Table {
    /// A heading; numbers stand to the right.
    struct Heading {
        let text: String
        var isNumber = false
        /// Hidden where there is little room.
        var isMinor = false

        init(_ text: String, number: Bool = false, minor: Bool = false) {
            self.text = text
            isNumber = number
            isMinor = minor
        }

        fileprivate var classes: HTML {
            let names = [isNumber ? "n" : nil, isMinor ? "minor" : nil].compactMap(\.self)
            return names.isEmpty ? .none : " class=\"\(names.joined(separator: " "))\""
        }
    }

    /// - Parameters:
    ///   - caption: what it is, for screen readers.
    ///   - empty: what stands there instead if there are no rows.
    static func html(caption: String, _ headings: [Heading], _ rows: [[HTML]], empty: HTML) -> HTML {
        guard !rows.isEmpty else { return "<p class=\"empty\">\(empty)</p>" }
        let head = headings.map { "<th scope=\"col\"\($0.classes)>\($0.text)</th>" as HTML }
        let body = rows.map { row in
            "<tr>\(zip(headings, row).map { "<td\($0.classes)>\($1)</td>" as HTML })</tr>" as HTML
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="\(caption)"><table><caption class="hidden">\(caption)</caption>\
            <thead><tr>\(head)</tr></thead><tbody>\(body)</tbody></table></div>
            """
    }

    /// Where to go from a list: the next page, and the same as a file.
    static func foot(_ path: String, _ fields: FormFields, _ listing: Listing, count: Int? = nil) -> HTML {
        let first = fields.with("before", nil).with("after", nil)
        let isLater = first != fields
        return """
            <div class="foot"><span>\(count ?? listing.rows.count) shown\(listing.coverage.map { ", \($0)" } ?? "")</span>\
            \(HTML.when(isLater, "<a href=\"\(path + first.query)\">First page</a>"))\
            \(listing.next.map { "<a rel=\"next\" href=\"\(path + $0)\">Next page</a>" as HTML } ?? .none)\
            \(files(path, fields.query))</div>
            """
    }

    /// The same list for programs.
    static func files(_ path: String, _ query: String = "") -> [HTML] {
        ["json", "csv", "ndjson"].map { "<a href=\"\(path).\($0)\(query)\">\($0.uppercased())</a>" }
    }
}
