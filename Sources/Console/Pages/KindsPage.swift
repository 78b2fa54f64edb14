import ProgramRuntime
import Records
import Schema

/// The kinds of records that there are, and who applied them.
enum KindsPage {
    private static let columns = [
        ListingColumn("name"), ListingColumn("queue"), ListingColumn("table"), ListingColumn("fields"),
        ListingColumn("partition"), ListingColumn("versions"), ListingColumn("applied_by"), ListingColumn("applied_at"),
    ]

    static func listing(_ ask: Ask) async throws -> Listing {
        let kinds = try await ask.readers.with { try await ListedKind.all($0) }
        return Listing(
            columns: columns,
            rows: kinds.map { listed in
                [
                    .text(listed.kind.name), .text(listed.kind.queue), .text(listed.kind.table),
                    .array(listed.kind.fields.map { "\($0.name) \($0.type.rawValue)" }),
                    .text(listed.kind.partition.rawValue), .text(listed.kind.versions.text),
                    listed.appliedBy.map(ListingValue.text) ?? .null, listed.appliedAt.map(ListingValue.text) ?? .null,
                ]
            })
    }

    static func page(_ ask: Ask) async throws -> Page {
        let listing = try await Self.listing(ask)
        let table = Table.html(
            caption: "Kinds of records, in the order in which they are stored",
            [
                .init("kind"), .init("queue"), .init("table"), .init("fields"), .init("partition", minor: true),
                .init("versions", minor: true), .init("applied"),
            ],
            listing.rows.map { row in
                let applied: HTML =
                    row[6] == .null ? "with the program" : "\(Moment.html(row[7])) by \(row[6].shown)"
                return row.prefix(6).enumerated().map { place, cell in
                    place == 3 ? "<span class=\"wide\">\(cell.shown)</span>" : HTML(cell.shown)
                } + [applied]
            }, empty: "There are none.")
        let body: HTML = """
            <p class="note">A kind is a file: <code>writer kinds apply FILE</code> makes its table and has writers consume its queue.</p>
            \(table)\(Table.foot("/kinds", ask.fields, listing))
            """
        return Page(place: .system, title: "Kinds of records", body: body, isLive: false, command: "writer kinds list")
    }
}
