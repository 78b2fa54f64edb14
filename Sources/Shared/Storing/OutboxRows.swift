import Postgres
import Records
import Schema

/// The outbox rows of the records that were new, column by column, in order of arrival.
struct OutboxRows {
    private(set) var count = 0
    private(set) var lanes = LaneSet()
    private var lane: BinaryArray
    private var kind: BinaryArray
    private var market: BinaryArray
    private var start: BinaryArray
    private var end: BinaryArray
    private var trace: BinaryArray
    private var traceParent: BinaryArray
    private var body: BinaryArray
    private var revision: BinaryArray

    init(capacity: Int) {
        lane = BinaryArray(elementType: .int2, capacity: capacity)
        kind = BinaryArray(elementType: .text, capacity: capacity)
        market = BinaryArray(elementType: .int4, capacity: capacity)
        start = BinaryArray(elementType: .timestamptz, capacity: capacity)
        end = BinaryArray(elementType: .timestamptz, capacity: capacity)
        trace = BinaryArray(elementType: .text, capacity: capacity)
        traceParent = BinaryArray(elementType: .text, capacity: capacity)
        body = BinaryArray(elementType: .text, capacity: capacity)
        revision = BinaryArray(elementType: .int4, capacity: capacity)
    }

    /// - Parameter revision: which version of the record it is, from 1 on.
    mutating func append(_ record: PreparedBatch.Record, of batch: PreparedBatch, revision number: Int32) {
        let bytes = batch.bytes.span
        let itsLane = Lane.of(market: record.key.market)
        count += 1
        lanes.insert(itsLane)
        lane.append(int2: Int16(itsLane))
        let type = batch.kinds[record.kind].name
        kind.append(bytes: type.utf8Span.span)
        market.append(int4: record.key.market)
        start.append(timestampMilliseconds: record.key.intervalStart)
        end.append(timestampMilliseconds: record.key.intervalEnd)
        trace.append(traceOf: record, in: bytes)
        if let header = batch.traceParent(of: record) {
            traceParent.append(text: header)
        } else {
            traceParent.appendNull()
        }
        body.beginElement()
        OutgoingBody.pieces(of: record, type: type, in: bytes) { body.append(raw: $0) }
        body.endElement()
        if number > 1 { revision.append(int4: number) } else { revision.appendNull() }
    }

    /// Takes the lanes' locks in ascending order, and makes sure that the ids drawn next are above all of these lanes. It
    /// must be the statement before ``insert``, so that the locks are held for the insert and the commit only.
    var lockLanes: Statement {
        return Statement(
            "SELECT outbox_take_lanes($1, $2::int[])",
            name: "lock_lanes", [.int4(AdvisoryLock.writerLane), .array(lanes.ascending.map(Int32.init))])
    }

    /// Inserts the rows; ids are drawn in their order.
    var insert: Statement {
        Statement(
            """
            INSERT INTO outbox
                (lane, record_type, market_id, interval_start, interval_end, trace_id, traceparent, body, revision)
            SELECT * FROM unnest($1::smallint[], $2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[],
                                 $6::text[], $7::text[], $8::text[], $9::int[])
            """,
            name: "insert_outbox",
            [lane, kind, market, start, end, trace, traceParent, body, revision].map(Parameter.array))
    }
}

/// A set of lanes.
struct LaneSet {
    private var bits: UInt32 = 0

    mutating func insert(_ lane: Int) { bits |= 1 << lane }

    var ascending: [Int] { (0..<Lane.count).filter { bits & 1 << $0 != 0 } }
}

extension BinaryArray {
    /// Adds a record's trace id as text, without its quotes and escapes; NULL if it has none.
    mutating func append(traceOf record: PreparedBatch.Record, in bytes: Span<UInt8>) {
        guard let quoted = record.traceID else { return appendNull() }
        if record.traceIDHasEscapes, let text = record.unescapedTraceID(in: bytes) {
            append(text: text)
        } else {
            append(bytes: bytes.extracting((quoted.lowerBound + 1)..<(quoted.upperBound - 1)))
        }
    }
}
