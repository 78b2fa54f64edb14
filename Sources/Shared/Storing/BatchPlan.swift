import Records

/// Which records of a batch are sent to be inserted, and in which order.
///
/// Rows go in sorted by key, the same in every writer: two that insert the same records (replicas of collectors, a
/// redelivery) then wait for one another instead of meeting in a deadlock. Outbox rows keep the order of arrival.
struct BatchPlan {
    /// The records of one kind.
    struct KindPlan {
        let kind: Int
        /// Records with a key of their own, sorted by key; of several with the same key the first to arrive.
        var firsts: [Int] = []
        /// The others with such a key.
        var repeats: [Int] = []

        /// Which of ``firsts`` are new, given the keys of new records, which come in any order: by shard, where the table is
        /// distributed. nil if there is a key that was not sent.
        func new(_ records: [PreparedBatch.Record], keys: some Sequence<RecordKey>) -> [Int]? {
            var left: Set<RecordKey> = []
            for key in keys { guard left.insert(key).inserted else { return nil } }
            let new = firsts.filter { left.remove(records[$0].key) != nil }
            return left.isEmpty ? new : nil
        }
    }

    let kinds: [KindPlan]

    /// - Parameter selection: indices into `records`, ascending.
    init(_ records: [PreparedBatch.Record], selection: Range<Int>) {
        var indices: [Int: [Int]] = [:]
        for index in selection { indices[records[index].kind, default: []].append(index) }
        kinds = indices.keys.sorted().map { Self.plan($0, indices[$0] ?? [], records) }
    }

    private static func plan(_ kind: Int, _ indices: [Int], _ records: [PreparedBatch.Record]) -> KindPlan {
        var plan = KindPlan(kind: kind)
        plan.firsts.reserveCapacity(indices.count)
        let sorted = indices.sorted {
            let (left, right) = (records[$0].key, records[$1].key)
            return left == right ? $0 < $1 : left < right
        }
        for index in sorted {
            if let last = plan.firsts.last, records[last].key == records[index].key {
                plan.repeats.append(index)
            } else {
                plan.firsts.append(index)
            }
        }
        return plan
    }
}
