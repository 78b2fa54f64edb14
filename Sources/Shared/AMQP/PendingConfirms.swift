import DequeModule

/// What became of published messages.
public enum Outcome: Sendable, Equatable {
    /// The broker has taken responsibility for these delivery tags.
    case confirmed(ClosedRange<UInt64>)
    /// The broker refused these (basic.nack), for example because the queue is full.
    case refused(ClosedRange<UInt64>)
    /// The message could not be routed: the queue is gone. The code and the text are the broker's.
    case returned(tag: UInt64, code: UInt16, text: String)
}

/// The published messages whose fate is open. Does no I/O.
///
/// Tags rise by one from 1 on. Confirms may come for one or for many, in any order, and a confirm of a message that was
/// returned before does not mean that it arrived.
struct PendingConfirms {
    /// The broker spoke of a message that was never published or is settled.
    struct Violation: Error, Equatable {}

    private struct Entry {
        let id: Int64
        var isSettled = false
        var isReturned = false
    }

    private var entries: Deque<Entry> = []
    /// The tag of the first entry.
    private var firstTag: UInt64 = 1
    private var returns: [UInt64: (code: UInt16, text: String)] = [:]
    private var settledOutOfOrder = 0
    private var outcomes: [Outcome] = []

    /// How many messages are unsettled.
    var count: Int { entries.count - settledOutOfOrder }
    var hasOutcomes: Bool { !outcomes.isEmpty }

    /// - Precondition: `ids` is not empty.
    mutating func publish(_ ids: [Int64]) -> ClosedRange<UInt64> {
        let first = firstTag + UInt64(entries.count)
        for id in ids { entries.append(Entry(id: id)) }
        return first...(first + UInt64(ids.count) - 1)
    }

    /// Notes that the oldest open message with this ID came back; its confirm follows.
    mutating func noteReturn(id: Int64, code: UInt16, text: String) throws(Violation) {
        let match = entries.firstIndex { $0.id == id && !$0.isSettled && !$0.isReturned }
        guard let match else { throw Violation() }
        entries[match].isReturned = true
        returns[firstTag + UInt64(match)] = (code, text)
    }

    /// Settles one message or, with `multiple`, all up to it; tag 0 with `multiple` means all.
    mutating func settle(_ tag: UInt64, multiple: Bool, refused: Bool) throws(Violation) {
        let last = multiple && tag == 0 ? firstTag + UInt64(entries.count) - 1 : tag
        guard last < firstTag + UInt64(entries.count) else { throw Violation() }
        if multiple {
            while firstTag <= last { settleFirst(refused: refused) }
        } else {
            guard last >= firstTag else { throw Violation() }
            try settleOne(last, refused: refused)
        }
        while let first = entries.first, first.isSettled { settleFirst(refused: refused) }
    }

    mutating func takeOutcomes() -> [Outcome] {
        defer { outcomes = [] }
        return outcomes
    }

    private mutating func settleFirst(refused: Bool) {
        let entry = entries.removeFirst()
        if entry.isSettled {
            settledOutOfOrder -= 1
        } else {
            report(firstTag, entry, refused: refused)
        }
        firstTag += 1
    }

    private mutating func settleOne(_ tag: UInt64, refused: Bool) throws(Violation) {
        let index = Int(tag - firstTag)
        guard !entries[index].isSettled else { throw Violation() }
        report(tag, entries[index], refused: refused)
        entries[index].isSettled = true
        settledOutOfOrder += 1
    }

    private mutating func report(_ tag: UInt64, _ entry: Entry, refused: Bool) {
        if entry.isReturned, let reason = returns.removeValue(forKey: tag) {
            outcomes.append(.returned(tag: tag, code: reason.code, text: reason.text))
            return
        }
        switch (outcomes.last, refused) {
        case (.confirmed(let range), false) where range.upperBound + 1 == tag:
            outcomes[outcomes.count - 1] = .confirmed(range.lowerBound...tag)
        case (.refused(let range), true) where range.upperBound + 1 == tag:
            outcomes[outcomes.count - 1] = .refused(range.lowerBound...tag)
        default:
            outcomes.append(refused ? .refused(tag...tag) : .confirmed(tag...tag))
        }
    }
}
