import Records

/// Holds the promises against a history: each list is walked once, nothing is asked of anybody.
///
/// The codes exclude one another, so that one fault in a history gives one code.
struct Checker {
    private let history: History
    private(set) var violations: [Violation] = []

    /// What may be announced for each record that was sent: of several with one key the first stored wins.
    private var bodies: [RecordID: Set<[UInt8]>] = [:]
    /// When each was sent first.
    private var moments: [RecordID: Int] = [:]
    private var stored: Set<RecordID> = []
    private var rows: [Int64: History.OutboxRow] = [:]

    /// All violations, in the order in which they are found.
    static func check(_ history: History) -> [Violation] {
        var checker = Checker(history)
        checker.checkRun()
        checker.checkRecords()
        checker.checkOutbox()
        checker.checkInput()
        checker.checkDeliveries()
        checker.checkQuarantine()
        return checker.violations
    }

    private init(_ history: History) {
        self.history = history
        for (moment, message) in history.sent.enumerated() {
            guard let id = message.id else { continue }
            bodies[id, default: []].insert(message.announced)
            if moments[id] == nil { moments[id] = moment }
        }
    }

    private mutating func found(_ code: Violation.Code, _ detail: String) {
        violations.append(Violation(code: code, detail: detail))
    }

    // MARK: the run

    private mutating func checkRun() {
        if history.sent.count < history.minimum {
            found(.voidRun, "\(history.sent.count) messages of at least \(history.minimum)")
        }
        for (fault, isSeen) in history.evidence where !isSeen { found(.voidRun, "no trace of \(fault)") }
        if history.leftovers > 0 { found(.voidRun, "\(history.leftovers) rows from before") }
        checkClock()
        if history.dropped > 0 { found(.dropped, "\(history.dropped) messages came back too often") }
        if !history.isDrained { found(.stuck, "not everything was stored and announced in time") }
    }

    private mutating func checkClock() {
        let times = history.times
        for (what, list) in [("messages", times.sent), ("announcements", times.received), ("faults", times.faults)]
        where zip(list, list.dropFirst()).contains(where: { $0 > $1 }) {
            found(.voidRun, "the times of \(what) run backwards")
        }
        if let first = times.sent.first, let answer = times.received.first, answer < first {
            found(.voidRun, "announced before anything was sent")
        }
    }

    // MARK: what is stored

    private mutating func checkRecords() {
        for record in history.records {
            stored.insert(record.id)
            if bodies[record.id] == nil {
                found(.invented, "record \(record.id)")
            } else if !record.isAsAnnounced {
                found(.torn, "record \(record.id) has other values than its outbox row")
            }
        }
    }

    private mutating func checkOutbox() {
        var announced: Set<RecordID> = []
        var last: [Series: Int] = [:]
        for row in history.outbox {
            rows[row.id] = row
            guard let sent = bodies[row.record] else {
                found(.invented, "outbox row \(row.id) for \(row.record)")
                continue
            }
            if !announced.insert(row.record).inserted {
                found(.secondRow, "outbox row \(row.id) for \(row.record)")
                continue
            }
            if !stored.contains(row.record) {
                found(.torn, "outbox row \(row.id) without its record \(row.record)")
            }
            checkArrival(row, &last)
            if !sent.contains(row.body) { found(.altered, "outbox row \(row.id) holds what nobody sent") }
        }
        for record in history.records where bodies[record.id] != nil && !announced.contains(record.id) {
            found(.torn, "record \(record.id) without an outbox row")
        }
        stored.formUnion(announced)
    }

    private mutating func checkArrival(_ row: History.OutboxRow, _ last: inout [Series: Int]) {
        guard history.isInOrderOfArrival, let moment = moments[row.record] else { return }
        if let before = last.updateValue(moment, forKey: Series(row)), before > moment {
            found(.order, "outbox row \(row.id) was sent before the one ahead of it")
        }
    }

    /// What lies in quarantine is not lost; that it lies there is another matter.
    private mutating func checkInput() {
        let kept = Set(history.quarantine.map(\.body))
        let keptIDs = Set(history.sent.filter { kept.contains($0.body) }.compactMap(\.id))
        for id in bodies.keys where !stored.contains(id) && !keptIDs.contains(id) { found(.lostInput, "\(id)") }
    }

    // MARK: what came out

    private mutating func checkDeliveries() {
        var counts: [Int64: Int] = [:]
        var consumer = ChainConsumer<Series>()
        var retried: Set<Int64> = []
        var repetitions = 0
        for delivery in history.deliveries {
            guard let row = rows[delivery.id] else {
                found(.invented, "announcement \(delivery.id)")
                continue
            }
            if delivery.body != row.body { found(.altered, "announcement \(delivery.id) differs from its outbox row") }
            consumer.receive(delivery, of: Series(row))
            if delivery.isRetried { retried.insert(delivery.id) }
            let earlier = counts[delivery.id, default: 0]
            // A copy that the broker repeats to a gateway that lost its connection is not the relay's.
            guard earlier == 0 || !delivery.isRedelivered else { continue }
            counts[delivery.id] = earlier + 1
            if earlier > 0 { repetitions += 1 }
        }
        checkOrder(consumer, received: counts.keys.filter { !retried.contains($0) })
        if repetitions > history.allowedDuplicates {
            found(.duplicates, "\(repetitions) repetitions, \(history.allowedDuplicates) are allowed")
        }
        checkBooks(counts)
    }

    private struct Series: Hashable {
        let market: Int32
        let kind: String

        init(_ row: History.OutboxRow) {
            (market, kind) = (row.record.key.market, row.record.kind)
        }
    }

    /// A consumer that follows the chain has each event once and in order: so it has each that came. One violation for each
    /// market and kind, as it takes nothing more behind the first that it misses.
    private mutating func checkOrder(_ consumer: ChainConsumer<Series>, received: [Int64]) {
        var missed: [Series: Int64] = [:]
        for id in received where !consumer.taken.contains(id) {
            guard let row = rows[id] else { continue }
            missed[Series(row)] = min(missed[Series(row)] ?? id, id)
        }
        for (series, id) in missed { found(.order, "\(id) of \(series) came, and does not follow") }
    }

    private mutating func checkBooks(_ counts: [Int64: Int]) {
        for row in history.outbox {
            let isPublished = row.state == "published"
            switch (counts[row.id] != nil, isPublished) {
            case (true, true): break
            case (true, false): found(.unmarked, "outbox row \(row.id) is \(row.state)")
            case (false, true): found(.falseMark, "outbox row \(row.id)")
            case (false, false): found(.lostOutput, "outbox row \(row.id) is \(row.state)")
            }
        }
    }

    // MARK: quarantine

    private mutating func checkQuarantine() {
        var expected: [[UInt8]: Set<String?>] = [:]
        for message in history.sent where message.id == nil {
            expected[message.body, default: []].insert(message.reason)
        }
        var seen: Set<[UInt8]> = []
        for refused in history.quarantine {
            seen.insert(refused.body)
            let text = String(decoding: refused.body.prefix(200), as: UTF8.self)
            guard let reasons = expected[refused.body] else {
                found(.poison, "in quarantine: \(text)")
                continue
            }
            if !reasons.contains(nil) && !reasons.contains(refused.reason) {
                found(.poison, "in quarantine for \(refused.reason): \(text)")
            }
        }
        for body in expected.keys where !seen.contains(body) {
            found(.poison, "not in quarantine: \(String(decoding: body.prefix(200), as: UTF8.self))")
        }
    }
}
