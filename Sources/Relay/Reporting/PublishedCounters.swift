import CoreMetrics
import Outbox
import Postgres
import Records
import Synchronization

/// What was published, by kind: those of kinds that are applied while the program runs are made when they are met. One counter is
/// for kinds that this program does not know, so that their number has a bound.
final class PublishedCounters: Sendable {
    static let other = "other"

    private let counters = Mutex(
        (RecordKind.all.map(\.name) + [PublishedCounters.other]).map {
            (name: Array($0.utf8), counter: PublishedCounters.counter($0))
        })

    /// - Parameter recordType: the kind's name as it stands in the row.
    func increment(_ recordType: ArraySlice<UInt8>) {
        counters.withLock { counters in
            if let known = counters.first(where: { $0.name.elementsEqual(recordType) }) {
                return known.counter.increment()
            }
            guard let kind = RecordKind.named(String(decoding: recordType, as: UTF8.self)) else {
                counters.first { $0.name.elementsEqual(Self.other.utf8) }?.counter.increment()
                return
            }
            let counter = Self.counter(kind.name)
            counters.append((Array(kind.name.utf8), counter))
            counter.increment()
        }
    }

    private static func counter(_ kind: String) -> Counter {
        Counter(label: "candlepost_relay_rows_published_total", dimensions: [("kind", kind)])
    }
}

extension OutboxRow {
    /// The name of its kind.
    var recordType: ArraySlice<UInt8> { answer.rows.bytes(position, OutboxReader.Column.recordType) }
}
