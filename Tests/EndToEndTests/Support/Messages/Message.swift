import Records

/// What makes a record the same record when it comes again, in any kind.
struct RecordID: Hashable, Sendable {
    let kind: String
    let key: RecordKey
}

/// A message of a collector, and what is to be announced once its record is stored.
struct Message: Sendable {
    /// The queue that it goes into.
    let queue: String
    /// The record; nil for a message that can't be one.
    let id: RecordID?
    let body: [UInt8]
    /// The body that the gateway is to read.
    let announced: [UInt8]
    let trace: String?
    /// The code of the reason for which it must be refused, if that is known.
    let reason: String?

    /// A record.
    /// - Parameters:
    ///   - start: milliseconds since 1970, one minute before the interval's end.
    ///   - fields: the payload's fields beside the key, as JSON text.
    ///   - times: the interval as JSON text, if not in milliseconds.
    init(
        _ kind: RecordKind = .candleStick, market: Int32, start: Int64, fields: String, times: String? = nil,
        trace: String? = nil
    ) {
        let key = RecordKey(market: market, intervalStart: start, intervalEnd: start + 60_000)
        let times = times ?? "\"intervalStart\":\(start),\"intervalEnd\":\(start + 60_000)"
        let payload = "{\(fields),\(times),\"marketId\":\(market)}"
        let head = "{\"exchange\":\"binance\",\"symbol\":\"M\(market)/USDT\",\"payload\":\(payload)"
        let tail = (trace.map { ",\"collectorTraceId\":\"\($0)\"" } ?? "") + "}"
        queue = kind.queue
        id = RecordID(kind: kind.name, key: key)
        body = Array((head + tail).utf8)
        announced = Array((head + ",\"type\":\"\(kind.name)\"" + tail).utf8)
        self.trace = trace
        reason = nil
    }

    /// A message that must end in quarantine.
    init(poison body: [UInt8], to kind: RecordKind = .candleStick, reason: Refusal.Reason? = nil) {
        queue = kind.queue
        id = nil
        self.body = body
        announced = []
        trace = nil
        self.reason = reason?.rawValue
    }
}
