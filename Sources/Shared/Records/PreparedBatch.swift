/// The messages of one batch, decoded: their bytes, records in order of arrival with their column values, and what was
/// refused.
///
/// All column values of all records lie in one array of bytes, so that preparing a message allocates nothing.
public struct PreparedBatch: Sendable {
    /// One message as it came.
    public struct Message: Sendable {
        /// Where its body is in ``PreparedBatch/bytes``.
        public let body: Range<Int>
        /// Index into ``PreparedBatch/kinds`` of the kind that its queue is for.
        public let kind: Int
        /// Names and values as text, in order; a name may come twice.
        public let headers: [(name: String, value: String)]
    }

    /// One message that is a record.
    public struct Record: Sendable {
        /// Index into ``PreparedBatch/messages``.
        public let message: Int
        /// Index into ``PreparedBatch/kinds``.
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

    /// A message that is not a record.
    public struct Refused: Sendable {
        /// Index into ``PreparedBatch/messages``.
        public let message: Int
        /// Index into ``PreparedBatch/kinds`` of the kind that its queue is for.
        public let kind: Int
        public let refusal: Refusal
        /// The market it names, if one could be read.
        public let market: Int32?
        /// The byte of its body that decoding stopped at, the body's end among them; nil if it could be decoded, or was not tried.
        public let stoppedAt: Int?

        init(message: Int, kind: Int, refusal: Refusal, market: Int32?, stoppedAt: Int? = nil) {
            self.message = message
            self.kind = kind
            self.refusal = refusal
            self.market = market
            self.stoppedAt = stoppedAt
        }

        /// A record that can't be stored, for a reason that the message itself does not show.
        public init(_ record: Record, _ refusal: Refusal) {
            self.init(message: record.message, kind: record.kind, refusal: refusal, market: record.key.market)
        }
    }

    /// ``RecordKind/all`` as it was when the batch began: what is decoded by a definition is stored by the same.
    public let kinds: [RecordKind]
    /// The bodies of all messages; every range of a message or a record is a place in here.
    public let bytes: [UInt8]
    /// When the first message came; nil for messages that did not come from a queue.
    public let firstArrival: ContinuousClock.Instant?
    /// In order of arrival; each is a record or refused.
    public private(set) var messages: [Message] = []
    /// In order of arrival.
    public private(set) var records: [Record] = []
    /// In no order.
    public private(set) var refused: [Refused] = []
    private var text: [UInt8] = []
    private var values: [Range<Int>?] = []
    private let latest = MessageTime.latest()

    /// - Parameters:
    ///   - bytes: the bodies of the messages that will be added.
    ///   - firstArrival: when the first of them came.
    ///   - capacity: for how many messages to make room.
    ///   - kinds: those that messages can be of.
    public init(
        bytes: [UInt8], firstArrival: ContinuousClock.Instant? = nil, capacity: Int = 0,
        kinds: [RecordKind] = RecordKind.all
    ) {
        self.kinds = kinds
        self.bytes = bytes
        self.firstArrival = firstArrival
        messages.reserveCapacity(capacity)
        records.reserveCapacity(capacity)
        values.reserveCapacity(capacity)
        text.reserveCapacity(capacity * 96)
    }

    /// The text of a column of a record, as PostgreSQL reads it; nil for null.
    /// - Parameter column: index into ``RecordKind/fields``.
    public func value(_ column: Int, of record: Record) -> ArraySlice<UInt8>? {
        values[record.firstValue + column].map { text[$0] }
    }

    /// The header `traceparent` of the message that a record came in; nil if it has none.
    public func traceParent(of record: Record) -> String? { traceParent(at: record.message) }

    /// The same of a message that was refused.
    public func traceParent(of refused: Refused) -> String? { traceParent(at: refused.message) }

    private func traceParent(at message: Int) -> String? {
        messages[message].headers.first { $0.name == "traceparent" }?.value
    }

    /// Adds the next message: it becomes a record or is refused.
    /// - Parameters:
    ///   - body: its place in ``bytes``.
    ///   - kind: index into ``kinds``.
    ///   - headers: kept as they are.
    ///   - maximumBytes: a longer body is refused unread.
    public mutating func add(
        body: Range<Int>, kind: Int, headers: [(name: String, value: String)] = [], maximumBytes: Int
    ) {
        let (textMark, valuesMark) = (text.count, values.count)
        let (message, bytes) = (messages.count, bytes)
        messages.append(Message(body: body, kind: kind, headers: headers))
        var decoder = MessageDecoder(kinds[kind].layout, base: body.lowerBound, latest: latest)
        do throws(Refusal) {
            guard body.count <= maximumBytes else {
                throw Refusal(.tooLarge, "the body has \(body.count) bytes, the limit is \(maximumBytes)")
            }
            let envelope = try decoder.decode(bytes.span.extracting(body), text: &text, values: &values)
            records.append(
                Record(
                    message: message, kind: kind, key: envelope.key, exchange: envelope.exchange,
                    symbol: envelope.symbol, payload: envelope.payload, traceID: envelope.traceID,
                    traceIDHasEscapes: envelope.traceIDHasEscapes, firstValue: valuesMark))
        } catch {
            text.removeSubrange(textMark...)
            values.removeSubrange(valuesMark...)
            refused.append(
                Refused(
                    message: message, kind: kind, refusal: error, market: decoder.market,
                    stoppedAt: error.reason == .tooLarge ? nil : decoder.position))
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
            refused.append(Refused(record, refusal))
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
