/// A kind of market record: its queue, its table, and the fields of its payload beside the key.
///
/// A kind is a file: ``KindFile`` reads it, docs/new-kind.md tells what may stand in it.
public struct RecordKind: Sendable {
    /// As in `type` of the outgoing message and `record_type` of the outbox.
    public let name: String
    /// What it is, in a sentence or two; empty if its file does not say.
    public let about: String
    /// The collectors' queue.
    public let queue: String
    public let table: String
    /// How much time a partition of its table holds.
    public let partition: Partition
    /// What becomes of a record that is stored already and comes with other content, where no setting says otherwise.
    public let versions: VersionRule
    /// What decoding needs, behind one reference: a message keeps it, and copies nothing.
    let layout: FieldLayout

    /// In the order of the file, 1 to 32.
    public var fields: [Field] { layout.fields }

    public enum Partition: String, Sendable, CaseIterable {
        case day, week, month
    }

    /// A field of the payload, stored in a column of its own.
    public struct Field: Sendable {
        /// As in the payload; at most 32 bytes.
        public let name: String
        public let column: String
        /// Whether a message without the field is refused.
        public let isRequired: Bool
        let rule: FieldRule

        /// Whether null in its place is stored as NULL; else it is refused.
        public var allowsNull: Bool { rule.allowsNull }

        /// Whether its rows have a time each.
        var hasTimes: Bool { if case .rows(let rows) = rule.shape { rows.timeIndex != nil } else { false } }
        /// Whether the column may be NULL.
        public var isNullable: Bool { !isRequired || allowsNull }
        /// As the file names it.
        public var type: FieldType { rule.shape.type }
        /// The column's type, to which the text that is sent gets cast.
        public var sqlType: String { type.sqlType }
    }

    /// The types that a field can have.
    public enum FieldType: String, Sendable, CaseIterable {
        /// A number that a double holds.
        case number
        /// A whole number of 64 bits.
        case integer
        /// A decimal number or a string of one, kept to the last digit.
        case decimal
        case text
        case boolean
        /// Any JSON, as it came.
        case json
        /// An array of arrays of numbers, stored as a two-dimensional array.
        case rows

        public var sqlType: String {
            switch self {
            case .number: "double precision"
            case .integer: "bigint"
            case .decimal: "numeric"
            case .text: "text"
            case .boolean: "boolean"
            case .json: "jsonb"
            case .rows: "double precision[]"
            }
        }
    }

    /// What the value of a field must be.
    struct FieldRule: Sendable {
        let shape: Shape
        let allowsNull: Bool
        let isNotNegative: Bool
    }

    enum Shape: Sendable {
        case rows(RowRule)
        case number, integer, decimal, text, boolean, json

        var type: FieldType {
            switch self {
            case .rows: .rows
            case .number: .number
            case .integer: .integer
            case .decimal: .decimal
            case .text: .text
            case .boolean: .boolean
            case .json: .json
            }
        }
    }
}

/// What becomes of a message whose record is stored already, with other content.
public enum VersionRule: Sendable, Equatable {
    /// The first one stays; others are kept as conflicts.
    case first
    /// A later one replaces it. With a field of the payload that says its version (a number, or whether the interval is closed),
    /// a lower one never replaces a higher one.
    case latest(versionField: String?)

    /// Reads `first`, `latest`, or `latest:` and a field's name of 1 to 60 letters, digits and underscores; nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "first": self = .first
        case "latest": self = .latest(versionField: nil)
        default:
            let field = text.dropFirst("latest:".count)
            guard text.hasPrefix("latest:"), (1...60).contains(field.utf8.count),
                field.utf8.allSatisfy({ $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") })
            else { return nil }
            self = .latest(versionField: String(field))
        }
    }

    /// As ``init(_:)`` reads it.
    public var text: String {
        switch self {
        case .first: "first"
        case .latest(nil): "latest"
        case .latest(let field?): "latest:\(field)"
        }
    }
}

/// The fields of a kind as the decoder looks for them.
final class FieldLayout: Sendable {
    let fields: [RecordKind.Field]
    /// Their names, in the same order.
    let keys: [ShortKey]
    /// Their rules, in the same order.
    let rules: [RecordKind.FieldRule]
    /// Bit n: a message without field n is refused.
    let required: UInt32
    /// The field whose rows have times, if any: one at most.
    let timedField: Int
    /// Pairs of fields of which the first is not below the second.
    let comparisons: [Comparison]
    let hasComparisons: Bool

    /// The place of the field with this name.
    @inline(__always)
    func index(of key: ShortKey) -> Int? {
        for index in keys.indices where keys[index] == key { return index }
        return nil
    }

    struct Comparison: Sendable {
        /// Indices of fields.
        let first: Int
        let second: Int
    }

    init(_ fields: [RecordKind.Field], comparisons: [Comparison] = []) {
        self.fields = fields
        self.comparisons = comparisons
        hasComparisons = !comparisons.isEmpty
        keys = fields.map { ShortKey($0.name) }
        rules = fields.map(\.rule)
        required = fields.enumerated().reduce(0) { $0 | ($1.element.isRequired ? 1 << $1.offset : 0) }
        timedField = fields.firstIndex { $0.hasTimes } ?? 0
    }
}

extension UInt8 {
    /// An ASCII letter.
    var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

extension RecordKind: Equatable {
    /// Whether both are one definition of one kind.
    public static func == (left: RecordKind, right: RecordKind) -> Bool {
        left.name == right.name && left.layout === right.layout
    }
}
