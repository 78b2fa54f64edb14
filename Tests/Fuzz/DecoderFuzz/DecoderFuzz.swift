import Foundation

// Called by libFuzzer with each input. Built by scripts/fuzz together with Sources/Shared/Records, as one module.

/// Decodes the input as a message of each kind and stops the program if an invariant does not hold.
@_cdecl("LLVMFuzzerTestOneInput")
public func decodeAnything(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let bytes = DecoderCheck.good + input + DecoderCheck.good
    let body = DecoderCheck.good.count..<DecoderCheck.good.count + count
    for kind in RecordKind.all.indices { DecoderCheck(bytes, body: body, kind: kind).run() }
    _ = RecordKind.ofMessage(input.span)
    do throws(KindFileError) {
        _ = try KindFile.parse(input)
    } catch {
        require(error.line >= 1 && error.line <= 1 + count, "what is wrong with a kind's file has a line of it")
        require(error.reason.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 > 0x7F }, "and is printable")
    }
    return 0
}

/// One input, decoded between two good messages.
struct DecoderCheck {
    static let good = Array(
        #"{"exchange":"e","symbol":"s","payload":{"intervalStart":1702305540000,"intervalEnd":1702305600000,"marketId":3,"high":4.5}}"#
            .utf8)
    private static let ticker = RecordKind.all.firstIndex { $0.name == "Ticker" }!

    private let bytes: [UInt8]
    private let body: Range<Int>
    private let kind: Int
    private var batch: PreparedBatch

    init(_ bytes: [UInt8], body: Range<Int>, kind: Int) {
        (self.bytes, self.body, self.kind) = (bytes, body, kind)
        batch = PreparedBatch(bytes: bytes)
        add(0..<body.lowerBound, Self.ticker)
        let looksInside = body.count % RecordKind.all.count == kind  // at one kind, because it takes its time
        let before = looksInside ? BatchSize(batch) : nil
        add(body, kind)
        if batch.records.count == 1 {
            require(batch.refused.count == 1, "a message is a record or refused")
            if let before { require(BatchSize(batch) == before, "a refused message leaves nothing behind") }
        }
        add(body.upperBound..<bytes.count, Self.ticker)
    }

    private mutating func add(_ body: Range<Int>, _ kind: Int) {
        batch.add(body: body, kind: kind, maximumBytes: .max)
    }

    func run() {
        checkNeighbours()
        guard batch.refused.isEmpty else { return checkRefused(batch.refused[0]) }
        require(batch.records.count == 3, "a message is a record or refused")
        checkRecord(batch.records[1])
    }

    // MARK: invariants

    private func checkNeighbours() {
        guard let first = batch.records.first, let last = batch.records.last else { return require(false, "lost") }
        require(first.message == 0 && last.message == 2, "the messages around it are records")
        for record in [first, last] {
            let high = batch.value(0, of: record).map(Array.init)
            require(high == Array("4.5".utf8) && batch.value(1, of: record) == nil, "their values are theirs")
        }
    }

    private func checkRefused(_ refused: PreparedBatch.Refused) {
        require(refused.message == 1 && batch.refused.count == 1, "nothing else is refused")
        require(refused.refusal.detail.utf8.count < 300, "a detail is short")
        require(refused.refusal.detail.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 > 0x7F }, "and printable")
    }

    private func checkRecord(_ record: PreparedBatch.Record) {
        let times = record.key.intervalStart..<record.key.intervalEnd
        require(record.key.market > 0 && MessageTime.range.contains(times.lowerBound), "the key is in range")
        require(times.lowerBound < times.upperBound && MessageTime.range.contains(times.upperBound), "so is its end")
        for quoted in [record.exchange, record.symbol, record.traceID].compactMap(\.self) {
            checkInside(quoted, first: "\"", last: "\"")
        }
        checkInside(record.payload, first: "{", last: "}")
        checkValues(of: record)
        checkOutgoing(record)
    }

    private func checkInside(_ range: Range<Int>, first: Unicode.Scalar, last: Unicode.Scalar) {
        require(body.contains(range.lowerBound) && range.upperBound <= body.upperBound, "a range is in its message")
        require(range.count >= 2 && bytes[range.lowerBound] == UInt8(ascii: first), "it starts where its value does")
        require(bytes[range.upperBound - 1] == UInt8(ascii: last), "and ends where it does")
    }

    /// What goes to the database as text holds nothing but numbers, NULL and braces.
    private func checkValues(of record: PreparedBatch.Record) {
        let allowed = Array("0123456789+-.eE{},NUL".utf8)
        for column in RecordKind.all[kind].fields.indices {
            guard let value = batch.value(column, of: record) else { continue }
            require(!value.isEmpty && value.allSatisfy(allowed.contains), "a value is of numbers")
        }
    }

    /// The second opinion: what is published is an object with this payload in it.
    private func checkOutgoing(_ record: PreparedBatch.Record) {
        var outgoing: [UInt8] = []
        OutgoingBody.pieces(of: record, type: RecordKind.all[kind].name, in: bytes.span) { piece in
            piece.withUnsafeBufferPointer { outgoing.append(contentsOf: $0) }
        }
        do {
            let object = try JSONSerialization.jsonObject(with: Data(outgoing)) as? [String: Any]
            require(object?["payload"] is [String: Any], "the payload is an object")
            require(object?["exchange"] is String && object?["symbol"] is String, "the names are strings")
            require(object?["type"] as? String == RecordKind.all[kind].name, "the type is the kind's name")
            require((object?["collectorTraceId"] is String) == (record.traceID != nil), "the trace id is a string")
            if let trace = object?["collectorTraceId"] as? String {
                require(record.unescapedTraceID(in: bytes.span) == trace, "and is read as Foundation reads it")
            }
        } catch {
            // Foundation refuses numbers beyond a double, also where nobody reads them. They are JSON.
            require("\(error)".contains("is not representable"), "what is published is JSON: \(error)")
        }
    }
}

/// How much memory a batch has filled.
private struct BatchSize: Equatable {
    let text: Int
    let values: Int

    init(_ batch: PreparedBatch) {
        let parts = Dictionary(
            uniqueKeysWithValues: Mirror(reflecting: batch).children.map { ($0.label ?? "", $0.value) })
        text = (parts["text"] as? [UInt8])?.count ?? -1
        values = (parts["values"] as? [Range<Int>?])?.count ?? -1
        require(text >= 0 && values >= 0, "PreparedBatch has fields of other names now")
    }
}

private func require(_ holds: Bool, _ invariant: @autoclosure () -> String) {
    guard holds else { fatalError("does not hold: \(invariant())") }
}
