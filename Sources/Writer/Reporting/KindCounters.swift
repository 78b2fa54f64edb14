import CoreMetrics
import Records
import Synchronization

/// A counter for each kind: those of kinds that are applied while the program runs are made when they are met.
final class KindCounters: Sendable {
    private let label: String
    private let more: [(String, String)]
    private let counters: Mutex<[Counter]>

    /// - Parameter more: what tells these counters from others of the label.
    init(_ label: String, _ more: [(String, String)] = []) {
        self.label = label
        self.more = more
        counters = Mutex(RecordKind.all.map { Counter(label: label, dimensions: [("kind", $0.name)] + more) })
    }

    /// - Parameter counts: indexed as ``RecordKind/all``.
    func increment(by counts: [Int]) {
        counters.withLock { counters in
            if counters.count < counts.count {
                counters += RecordKind.all[counters.count..<counts.count].map {
                    Counter(label: label, dimensions: [("kind", $0.name)] + more)
                }
            }
            for (kind, count) in counts.enumerated() where count > 0 { counters[kind].increment(by: count) }
        }
    }
}
