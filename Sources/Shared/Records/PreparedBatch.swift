/// The messages of one batch, decoded: records in order of arrival, their column values, and what was refused.
///
/// All column values of all records lie in one array of bytes, so that preparing a message allocates nothing.
public struct PreparedBatch: Sendable {
    /// One message that is a record.
    public struct Record: Sendable {
        /// Which message of the batch it was.
        public let message: Int
        /// Index into ``RecordKind/all``.
        public let kind: Int
        public let key: RecordKey
        /// Places in the batch's bytes: JSON values as they came, quotes included.
        public let exchange: Range<Int>
        public let symbol: Range<Int>
        public let payload: Range<Int>
        /// The trace id with its quotes, and whether there are escapes between them; nil if missing or null.
        public let traceID: Range<Int>?
        public let traceIDHasEscapes: Bool
        /// The trace id without quotes and escapes; nil if missing or null.
        public func unescapedTraceID(in bytes: Span<UInt8>) -> String? {
            traceID.map { quoted in
                let inner = (quoted.lowerBound + 1)..<(quoted.upperBound - 1)
                return unescape(JSONScanner.Text(range: inner, hasEscapes: traceIDHasEscapes), bytes)
            }
        }

        /// Index of its first column value in ``PreparedBatch/value(_:of:)``.
        fileprivate let firstValue: Int
    }

    /// One message that is none.
    public struct Refused: Sendable {
        /// Which message of the batch it was.
        public let message: Int
        /// Index into ``RecordKind/all`` of the kind that its queue is for.
        public let kind: Int
        public let refusal: Refusal
        /// The market it names, if one could be read.
        public let market: Int32?

        public init(message: Int, kind: Int, refusal: Refusal, market: Int32? = nil) {
            self.message = message
            self.kind = kind
            self.refusal = refusal
            self.market = market
        }
    }

    public private(set) var records: [Record] = []
    public var refused: [Refused] = []
    private var text: [UInt8] = []
    private var values: [Range<Int>?] = []

    public init(capacity: Int = 0) {
        records.reserveCapacity(capacity)
        values.reserveCapacity(capacity)
        text.reserveCapacity(capacity * 96)
    }

    /// The text of a column of a record, as PostgreSQL reads it; nil for null.
    /// - Parameter column: index into ``RecordKind/fields``.
    public func value(_ column: Int, of record: Record) -> ArraySlice<UInt8>? {
        values[record.firstValue + column].map { text[$0] }
    }

    /// Adds what `decode` makes of one message: a record, or a refusal.
    /// - Parameters:
    ///   - body: the message's place in the bytes that all ranges refer to.
    ///   - kind: index into ``RecordKind/all``.
    public mutating func add(
        message: Int, body: Range<Int>, of bytes: Span<UInt8>, kind: Int, maximumBytes: Int
    ) {
        let (textMark, valuesMark) = (text.count, values.count)
        var decoder = MessageDecoder(kind: RecordKind.all[kind], base: body.lowerBound)
        do throws(Refusal) {
            guard body.count <= maximumBytes else {
                throw Refusal(.tooLarge, "the body has \(body.count) bytes, the limit is \(maximumBytes)")
            }
            let envelope = try decoder.decode(bytes.extracting(body), text: &text, values: &values)
            records.append(
                Record(
                    message: message, kind: kind, key: envelope.key, exchange: envelope.exchange,
                    symbol: envelope.symbol, payload: envelope.payload, traceID: envelope.traceID,
                    traceIDHasEscapes: envelope.traceIDHasEscapes, firstValue: valuesMark))
        } catch {
            text.removeSubrange(textMark...)
            values.removeSubrange(valuesMark...)
            refused.append(Refused(message: message, kind: kind, refusal: error, market: decoder.market))
        }
    }

    /// Moves records to the refused, for a reason that the message itself does not show.
    /// - Parameter refusal: says why the record is refused; nil if it is not.
    public mutating func refuse(_ refusal: (Record) -> Refusal?) {
        var kept: [Record]?
        for (index, record) in records.enumerated() {
            guard let refusal = refusal(record) else {
                kept?.append(record)
                continue
            }
            if kept == nil { kept = Array(records[..<index]) }
            refused.append(
                Refused(message: record.message, kind: record.kind, refusal: refusal, market: record.key.market))
        }
        if let kept { records = kept }
    }
}

/// What makes a record of a kind the same record when it comes again.
public struct RecordKey: Hashable, Comparable, Sendable {
    public let market: Int32
    /// Milliseconds since 1970, UTC.
    public let intervalStart: Int64
    public let intervalEnd: Int64

    public init(market: Int32, intervalStart: Int64, intervalEnd: Int64) {
        self.market = market
        self.intervalStart = intervalStart
        self.intervalEnd = intervalEnd
    }

    public static func < (left: RecordKey, right: RecordKey) -> Bool {
        if left.market != right.market { return left.market < right.market }
        if left.intervalStart != right.intervalStart { return left.intervalStart < right.intervalStart }
        return left.intervalEnd < right.intervalEnd
    }
}
