/// What the names of a kind's file may be.
enum KindNames {
    struct Rule: Sendable {
        /// As a sentence has it: `expected …`.
        let wanted: String
        let isFit: @Sendable (String) -> Bool

        func checked(_ text: String, _ line: Int, _ what: String) throws(KindFileError) -> String {
            guard isFit(text) else { throw KindFileError(line, "\(what): expected \(wanted), found \(shown(text))") }
            return text
        }
    }

    static let kind = Rule(wanted: "a name of 2 to 40 letters and digits that begins with a capital, as in FundingRate")
    {
        (2...40).contains($0.utf8.count) && $0.utf8.allSatisfy { $0.isLetter || $0.isDigit }
            && $0.first?.isUppercase == true
    }

    static let about = Rule(wanted: "at most 500 bytes") { $0.utf8.count <= 500 }

    /// Names that a broker keeps for itself begin with `amq.`.
    static let queue = Rule(wanted: "a name of 1 to 200 letters, digits and . _ : - that does not begin with amq.") {
        (1...200).contains($0.utf8.count) && !$0.hasPrefix("amq.")
            && $0.utf8.allSatisfy { $0.isLetter || $0.isDigit || "._:-".utf8.contains($0) }
    }

    /// A partition's name has up to 14 bytes more.
    static let table = Rule(
        wanted: "an SQL name of 2 to 40 small letters, digits and underscores that no table of Candlepost has"
    ) { name in
        isIdentifier(name, upTo: 40)
            && !["outbox", "candlepost", "markets", "quarantine", "record", "records", "ingest", "pg", "lane"].contains
            {
                name == $0 || name.hasPrefix($0 + "_")
            }
    }

    static let column = Rule(wanted: "an SQL name of 2 to 63 small letters, digits and underscores, no word of SQL") {
        isIdentifier($0, upTo: 63) && !columnsOfAll.contains($0)
    }

    static let field = Rule(
        wanted: "a name of 1 to \(ShortKey.longest) letters, digits and underscores that is not part of the key"
    ) {
        (1...ShortKey.longest).contains($0.utf8.count)
            && $0.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
            && !["marketId", "intervalStart", "intervalEnd"].contains($0)
    }

    static let element = Rule(wanted: "names of 1 to 40 letters, digits and underscores") {
        (1...40).contains($0.utf8.count)
            && $0.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
    }

    /// Columns that every table of records has, and those that PostgreSQL gives to every table.
    private static let columnsOfAll: Set<String> = [
        "market_id", "interval_start", "interval_end", "created_at", "revision", "version",
        "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid",
    ]

    /// Needs no quotes in SQL. Names of one letter are those of our statements.
    private static func isIdentifier(_ name: String, upTo limit: Int) -> Bool {
        (2...limit).contains(name.utf8.count) && !(name.utf8.first?.isDigit ?? true) && !reservedWords.contains(name)
            && name.utf8.allSatisfy {
                ($0.isLetter && $0 >= UInt8(ascii: "a")) || $0.isDigit || $0 == UInt8(ascii: "_")
            }
    }

    /// Words that are no names in PostgreSQL, of SQL and of our statements.
    static let reservedWords = Set(
        """
        all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char
        character check coalesce collate collation column concurrently constraint create cross current_catalog current_date
        current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do
        else end except exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike
        in initially inner inout int integer intersect interval into is isnull join json json_array json_arrayagg json_exists
        json_object json_objectagg json_query json_scalar json_serialize json_table json_value lateral leading least left like
        limit localtime localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset
        on only or order out outer overlaps overlay placing position precision primary real references returning right row
        select session_user setof similar smallint some substring symmetric system_user table tablesample then time timestamp to
        trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes
        xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
        """.split { $0 == " " || $0 == "\n" }.map(String.init))
}
