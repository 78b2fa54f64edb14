/// Reads the file of a kind, and holds it to what a kind can be. docs/new-kind.md lists what may stand in it.
public enum KindFile {
    /// The most bytes of a file.
    public static let maximumBytes = 65_536

    /// - Throws: ``KindFileError`` for the first thing that is wrong.
    public static func parse(_ bytes: [UInt8]) throws(KindFileError) -> RecordKind {
        guard bytes.count <= maximumBytes else { throw KindFileError(1, "has more than \(maximumBytes) bytes") }
        let file = try KindObject(
            try PlacedJSON.parse(bytes), "a kind",
            knows: ["name", "about", "queue", "table", "partition", "versions", "fields", "notBelow"])
        let name = try file.text("name", KindNames.kind)
        let table = try file.text("table", KindNames.table)
        let fields = try fields(file)
        return RecordKind(
            name: name, about: try file.textIfThere("about", KindNames.about) ?? "",
            queue: try file.text("queue", KindNames.queue), table: table,
            partition: try file.choice("partition", RecordKind.Partition.allCases.map { ($0.rawValue, $0) }),
            versions: try versions(file),
            layout: FieldLayout(fields, comparisons: try comparisons(file, fields)))
    }

    private static func versions(_ file: KindObject) throws(KindFileError) -> VersionRule {
        guard let member = file.member("versions") else { return .first }
        guard case .string(let text) = member.value.value, let rule = VersionRule(text) else {
            throw KindFileError(
                member.value.line, "versions: expected \"first\", \"latest\", or \"latest:\" and a field")
        }
        return rule
    }

    // MARK: fields

    private static func fields(_ file: KindObject) throws(KindFileError) -> [RecordKind.Field] {
        let elements = try file.array("fields")
        guard (1...32).contains(elements.count) else {
            throw KindFileError(file.line(of: "fields"), "fields: expected 1 to 32, found \(elements.count)")
        }
        var fields: [RecordKind.Field] = []
        for element in elements {
            let field = try KindFieldFile.parse(element)
            if let other = fields.first(where: { $0.name == field.name || $0.column == field.column }) {
                let what = other.name == field.name ? "name \(shown(field.name))" : "column \(shown(field.column))"
                throw KindFileError(element.line, "the \(what) is another field's, too")
            }
            if field.hasTimes, let other = fields.first(where: \.hasTimes) {
                throw KindFileError(element.line, "\(shown(other.name)) has a time already: one field's rows may")
            }
            fields.append(field)
        }
        return fields
    }

    private static func comparisons(
        _ file: KindObject, _ fields: [RecordKind.Field]
    ) throws(KindFileError) -> [FieldLayout.Comparison] {
        try file.pairs("notBelow").map { pair throws(KindFileError) in
            let indices = try pair.names.map { name throws(KindFileError) in
                guard let index = fields.firstIndex(where: { $0.name == name }),
                    fields[index].type == .number || fields[index].type == .integer
                else {
                    throw KindFileError(
                        pair.line, "notBelow: expected two fields of type number or integer, found \(shown(name))")
                }
                return index
            }
            return FieldLayout.Comparison(first: indices[0], second: indices[1])
        }
    }
}

/// What is wrong with the file of a kind, and where.
public struct KindFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The first line is 1.
    public let line: Int
    /// What was expected and what was found; a few characters of the file at most.
    public let reason: String

    init(_ line: Int, _ reason: String) {
        self.line = line
        self.reason = reason
    }

    public var description: String { "line \(line): \(reason)" }
}
