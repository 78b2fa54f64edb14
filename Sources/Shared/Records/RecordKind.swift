/// A kind of market record: its queue, its table, and the fields of its payload beside the key.
///
/// A new kind is one file with a value of this type, one migration for its table, and one line in ``all``.
public struct RecordKind: Sendable {
    /// As in `type` of the outgoing message and `record_type` of the outbox.
    public let name: String
    /// The collectors' queue.
    public let queue: String
    public let table: String
    public let fields: [Field]

    /// A field of the payload, stored in a column of its own.
    public struct Field: Sendable {
        public let column: String
        /// The column's type, to which the text that is sent gets cast.
        public let sqlType: String
        let name: String
        let key: ShortKey
        let shape: Shape

        init(_ name: String, column: String, sqlType: String, _ shape: Shape) {
            self.name = name
            self.column = column
            self.sqlType = sqlType
            self.shape = shape
            key = ShortKey(name)
        }
    }

    enum Shape: Sendable {
        /// An array of arrays of numbers, stored as a two-dimensional array.
        case rows(RowRule)
        /// A number that may be missing or null.
        case optionalNumber
        /// A decimal number or a string of one, kept to the last digit.
        case exactDecimal
    }

    /// All kinds, in the order in which their rows are inserted (the same in every writer, against deadlocks).
    public static let all: [RecordKind] = [.candleStick, .orderBook, .ticker, .trade, .exchangeRate]

    /// The kind with this name.
    public static func named(_ name: String) -> RecordKind? { all.first { $0.name == name } }
}

/// What a row of an array field must look like.
struct RowRule: Sendable {
    /// Rows may be longer, never shorter.
    let minimumWidth: Int
    /// The element that holds a time in milliseconds, checked as one and never null.
    var timeIndex: Int?
    /// Whether elements other than the time may be null.
    var allowsNull = false
    /// Whether a row may be null as a whole: it is stored as one of nulls.
    var allowsNullRows = false
    /// Says what is wrong with the row's values, if anything.
    var complaint: @Sendable (RowValues) -> String? = { _ in nil }
}

/// The first six numbers of a row; NaN where the message has null.
typealias RowValues = InlineArray<6, Double>
