import AMQP
import Postgres
import Records
import Service

/// Records and their outbox rows in one transaction.
///
/// Two round trips, three if there were duplicates: the outbox rows depend on which records were new.
struct StoreTransaction {
    let connection: PostgresConnection
    let source: DeliveryBatch
    let batch: PreparedBatch
    /// Which records of the batch are stored here.
    let records: Range<Int>

    /// Which of the batch's records were new; those that were not are duplicates.
    typealias IsNew = [Bool]

    /// Commits, or throws with nothing committed, except when the connection is lost while the commit is under way: then
    /// nobody knows, and storing the batch again is right, because what was committed counts as duplicates.
    /// - Parameters:
    ///   - opening: begins the transaction.
    ///   - closing: what else belongs into it, once it is known what became of the records.
    func run(
        opening: [Statement] = [Statement("BEGIN", name: "begin")],
        closing: @Sendable (inout StoreResult, IsNew) -> [Statement]
    ) async throws(PostgresError) -> StoreResult {
        let plan = BatchPlan(batch.records, selection: records)
        var result = StoreResult()

        let answers = try await connection.pipeline(opening + plan.kinds.map(insertFirsts))
        let isNew = newRecords(plan, answers.dropFirst(opening.count), &result)
        try await keepConflicts(plan, isNew: isNew, &result)

        var last = closing(&result, isNew)
        let outbox = outboxRows(isNew: isNew)
        if outbox.count > 0 { last += [outbox.lockLanes, outbox.insert] }
        Failpoint.reach("writer.before_commit")
        _ = try await connection.pipeline(last + [Statement("COMMIT", name: "commit")])
        Failpoint.reach("writer.after_commit")
        return result
    }

    private func insertFirsts(_ plan: BatchPlan.KindPlan) -> Statement {
        var columns = RecordColumns(kind: RecordKind.all[plan.kind], capacity: plan.firsts.count)
        for index in plan.firsts { columns.append(batch.records[index], of: batch) }
        return StoreStatements.all[plan.kind].insert(columns)
    }

    /// Finds out which records were new: the answers name them in the order in which they were sent.
    private func newRecords(_ plan: BatchPlan, _ answers: ArraySlice<Rows>, _ result: inout StoreResult) -> IsNew {
        var isNew = [Bool](repeating: false, count: batch.records.count)
        for (kind, rows) in zip(plan.kinds, answers) {
            var next = 0
            for index in kind.firsts where next < rows.count && rows.key(next) == batch.records[index].key {
                isNew[index] = true
                next += 1
            }
            precondition(next == rows.count, "\(RecordKind.all[kind.kind].table): keys came back in another order")
            result.stored[kind.kind] = next
        }
        return isNew
    }

    private func keepConflicts(
        _ plan: BatchPlan, isNew: IsNew, _ result: inout StoreResult
    ) async throws(PostgresError) {
        var statements: [Statement] = []
        var kinds: [Int] = []
        for kind in plan.kinds {
            let duplicates = kind.firsts.filter { !isNew[$0] } + kind.repeats
            guard !duplicates.isEmpty else { continue }
            result.duplicateSame[kind.kind] = duplicates.count
            statements.append(keepConflicts(kind.kind, duplicates))
            kinds.append(kind.kind)
        }
        guard !statements.isEmpty else { return }
        for (kind, rows) in zip(kinds, try await connection.pipeline(statements)) {
            result.duplicateSame[kind] -= rows.affectedRows
            result.duplicateOther[kind] = rows.affectedRows
        }
    }

    private func keepConflicts(_ kind: Int, _ duplicates: [Int]) -> Statement {
        var columns = RecordColumns(kind: RecordKind.all[kind], capacity: duplicates.count)
        var traces = BinaryArray(elementType: .text, capacity: duplicates.count)
        var payloads = BinaryArray(elementType: .text, capacity: duplicates.count)
        let bytes = source.bytes.span
        for index in duplicates {
            let record = batch.records[index]
            columns.append(record, of: batch)
            traces.append(traceOf: record, in: bytes)
            payloads.append(bytes: bytes.extracting(record.payload))
        }
        return StoreStatements.all[kind].keepConflicts(columns, traces: traces, payloads: payloads)
    }

    private func outboxRows(isNew: IsNew) -> OutboxRows {
        var rows = OutboxRows(capacity: records.count)
        for index in records where isNew[index] { rows.append(batch.records[index], from: source) }
        return rows
    }
}

extension Rows {
    fileprivate func key(_ row: Int) -> RecordKey {
        RecordKey(
            market: int4(row, 0), intervalStart: timestampMilliseconds(row, 1),
            intervalEnd: timestampMilliseconds(row, 2))
    }
}
