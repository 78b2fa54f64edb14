/// Reads one of the fields of a kind's file.
enum KindFieldFile {
    private static let ofAll = ["name", "column", "type", "required", "null"]
    private static let ofNumbers = ofAll + ["notNegative"]
    private static let ofRows = ofNumbers + ["elements", "time", "notBelow", "zeroOrOne"]

    static func parse(_ json: PlacedJSON) throws(KindFileError) -> RecordKind.Field {
        let any = try KindObject(json, "a field", knows: ofRows)
        let name = try any.text("name", KindNames.field)
        let type = try any.choice("type", RecordKind.FieldType.allCases.map { ($0.rawValue, $0) })
        let field = try KindObject(json, "a field of type \(type.rawValue)", knows: names(type))
        let nulls = type == .rows ? ["refused", "elements", "rows"] : ["refused", "stored"]
        let null = try field.choiceIfThere("null", nulls.map { ($0, $0) }) ?? "refused"
        return RecordKind.Field(
            name: name, column: try column(field, of: name), isRequired: try field.bool("required") ?? true,
            rule: RecordKind.FieldRule(
                shape: try shape(type, field, null), allowsNull: null == "stored",
                isNotNegative: try type == .rows ? false : field.bool("notNegative") ?? false))
    }

    private static func names(_ type: RecordKind.FieldType) -> [String] {
        switch type {
        case .rows: ofRows
        case .number, .integer, .decimal: ofNumbers
        case .text, .boolean, .json: ofAll
        }
    }

    /// The one that is given, or the name as SQL has names.
    private static func column(_ field: KindObject, of name: String) throws(KindFileError) -> String {
        if let given = try field.textIfThere("column", KindNames.column) { return given }
        return try KindNames.column.checked(snakeCase(name), field.line(of: "name"), "column")
    }

    private static func shape(
        _ type: RecordKind.FieldType, _ field: KindObject, _ null: String
    ) throws(KindFileError) -> RecordKind.Shape {
        switch type {
        case .number: .number
        case .integer: .integer
        case .decimal: .decimal
        case .text: .text
        case .boolean: .boolean
        case .json: .json
        case .rows: .rows(try rule(field, null))
        }
    }

    // MARK: rows

    private static func rule(_ field: KindObject, _ null: String) throws(KindFileError) -> RowRule {
        let elements = try field.names("elements")
        guard (1...FieldScanner.maximumWidth).contains(elements.count), Set(elements).count == elements.count else {
            throw KindFileError(
                field.line(of: "elements"),
                "elements: expected 1 to \(FieldScanner.maximumWidth) names, each once, found \(elements.count)")
        }
        let checked = elements.prefix(RowRule.mostChecked)
        func index(_ name: String, _ line: Int, _ rule: String) throws(KindFileError) -> Int {
            guard let index = checked.firstIndex(of: name) else {
                throw KindFileError(
                    line, "\(rule): expected one of the first \(checked.count) elements, found \(shown(name))")
            }
            return index
        }
        func checks(_ rule: String, _ condition: RowCheck.Condition) throws(KindFileError) -> [RowCheck] {
            guard field.member(rule) != nil else { return [] }
            let line = field.line(of: rule)
            return try field.names(rule).map { name throws(KindFileError) in
                RowCheck(condition: condition, element: try index(name, line, rule))
            }
        }
        let pairs = try field.pairs("notBelow").map { pair throws(KindFileError) in
            RowCheck(
                condition: .notBelow, element: try index(pair.names[0], pair.line, "notBelow"),
                other: try index(pair.names[1], pair.line, "notBelow"))
        }
        var time: Int?
        if field.member("time") != nil { time = try index(field.string("time"), field.line(of: "time"), "time") }
        return RowRule(
            elements: elements, timeIndex: time, allowsNull: null != "refused", allowsNullRows: null == "rows",
            checks: try pairs + checks("zeroOrOne", .zeroOrOne) + checks("notNegative", .notNegative))
    }

    /// `fundingRate` becomes `funding_rate`.
    private static func snakeCase(_ name: String) -> String {
        var column = ""
        for character in name {
            if character.isUppercase, !column.isEmpty { column.append("_") }
            column += character.lowercased()
        }
        return column
    }
}
