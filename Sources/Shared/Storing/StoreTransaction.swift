package import Postgres
import Records
import Service

/// Records and their outbox rows in one transaction: ``storeRecords()``, then ``commit(_:with:)``.
///
/// Two round trips, three if there were duplicates: the outbox rows depend on which records were new.
package struct StoreTransaction {
    /// What became of the records, if the transaction commits.
    package struct Outcome: Sendable {
        /// For each record of the batch, whether it is new; those of the part that are not are duplicates.
        package var isNew: [Bool]
        package var result = StoreResult()
    }

    private let connection: PostgresConnection
    private let part: BatchPart
    private let isOpen: Bool

    /// - Parameter isOpen: whether the transaction has begun already.
    package init(connection: PostgresConnection, part: BatchPart, isOpen: Bool = false) {
        self.connection = connection
        self.part = part
        self.isOpen = isOpen
    }

    private var batch: PreparedBatch { part.batch }

    /// Constraints that somebody made deferrable speak when the row comes, not at the commit, where they could blame no row.
    static let begin = [
        Statement("BEGIN", name: "begin"), Statement("SET CONSTRAINTS ALL IMMEDIATE", name: "constraints"),
    ]

    // MARK: records

    /// Inserts the records that are new, and keeps the others whose content differs from what is stored.
    package func storeRecords() async throws(PostgresError) -> Outcome {
        let plan = BatchPlan(batch.records, selection: part.records)
        var outcome = Outcome(isNew: [Bool](repeating: false, count: batch.records.count))
        let opening = (isOpen ? [] : Self.begin) + patience
        let answers = try await connection.pipeline(opening + plan.kinds.map(insertFirsts))
        for (kind, rows) in zip(plan.kinds, answers.dropFirst(opening.count)) {
            try mark(kind, newKeys: rows, &outcome)
        }
        try await keepConflicts(plan, &outcome)
        return outcome
    }

    /// While a long statement comes by a slow line, the server counts the transaction as idle.
    private var patience: [Statement] {
        guard batch.bytes.count > 4 << 20 else { return [] }
        let seconds = 60 + 4 * batch.bytes.count / PostgresConfiguration.slowestLine
        return [
            Statement(
                "SELECT set_config('idle_in_transaction_session_timeout', $1, true)", [.text("\(seconds)s")])
        ]
    }

    private func insertFirsts(_ plan: BatchPlan.KindPlan) -> Statement {
        var columns = RecordColumns(kind: RecordKind.all[plan.kind], capacity: plan.firsts.count)
        for index in plan.firsts { columns.append(batch.records[index], of: batch) }
        return StoreStatements.all[plan.kind].insert(columns)
    }

    private func mark(
        _ plan: BatchPlan.KindPlan, newKeys rows: Rows, _ outcome: inout Outcome
    ) throws(PostgresError) {
        let keys = try rows.map { row throws(PostgresError) in try row.key }
        guard let new = plan.new(batch.records, keys: keys) else {
            throw .otherKeys(from: RecordKind.all[plan.kind].table)
        }
        for index in new { outcome.isNew[index] = true }
        outcome.result.stored[plan.kind] = new.count
    }

    private func keepConflicts(_ plan: BatchPlan, _ outcome: inout Outcome) async throws(PostgresError) {
        var statements: [Statement] = []
        var kinds: [Int] = []
        for kind in plan.kinds {
            let duplicates = kind.firsts.filter { !outcome.isNew[$0] } + kind.repeats
            guard !duplicates.isEmpty else { continue }
            outcome.result.duplicateSame[kind.kind] = duplicates.count
            statements.append(keepConflicts(kind.kind, duplicates))
            kinds.append(kind.kind)
        }
        guard !statements.isEmpty else { return }
        for (kind, rows) in zip(kinds, try await connection.pipeline(statements)) {
            let table = RecordKind.all[kind].table
            let (found, differing) = (Int(try rows[0].int8(0)), Int(try rows[0].int8(1)))
            guard found == outcome.result.duplicateSame[kind] else { throw .recordLeftOut(by: table) }
            outcome.result.duplicateSame[kind] -= differing
            outcome.result.duplicateOther[kind] = differing
        }
    }

    private func keepConflicts(_ kind: Int, _ duplicates: [Int]) -> Statement {
        var columns = RecordColumns(kind: RecordKind.all[kind], capacity: duplicates.count)
        var traces = BinaryArray(elementType: .text, capacity: duplicates.count)
        var payloads = BinaryArray(elementType: .text, capacity: duplicates.count)
        let batch = batch
        let bytes = batch.bytes.span
        for index in duplicates {
            let record = batch.records[index]
            columns.append(record, of: batch)
            traces.append(traceOf: record, in: bytes)
            payloads.append(bytes: bytes.extracting(record.payload))
        }
        return StoreStatements.all[kind].keepConflicts(columns, traces: traces, payloads: payloads)
    }

    // MARK: the end

    /// Announces the new records and commits, or throws with nothing committed, except when the connection is lost while
    /// the commit is under way: then nobody knows, and storing the part again is right, because what was committed counts
    /// as duplicates.
    /// - Parameter others: what else belongs into the transaction.
    package func commit(_ outcome: Outcome, with others: [Statement]) async throws(PostgresError) {
        var last = others
        let outbox = outboxRows(outcome)
        if outbox.count > 0 { last += [outbox.lockLanes, outbox.insert] }
        Failpoint.reach("writer.before_commit")
        _ = try await connection.pipeline(last + [Statement("COMMIT", name: "commit")])
        Failpoint.reach("writer.after_commit")
    }

    private func outboxRows(_ outcome: Outcome) -> OutboxRows {
        var rows = OutboxRows(capacity: part.records.count)
        for index in part.records where outcome.isNew[index] { rows.append(batch.records[index], of: batch) }
        return rows
    }
}

extension Row {
    fileprivate var key: RecordKey {
        get throws(PostgresError) {
            RecordKey(
                market: try int4(0), intervalStart: try timestampMilliseconds(1),
                intervalEnd: try timestampMilliseconds(2))
        }
    }
}

extension PostgresError {
    /// A record is neither new nor there: whoever took it out of the statement gave no error.
    fileprivate static func recordLeftOut(by table: String) -> PostgresError {
        PostgresError(
            kind: .unexpectedAnswer,
            message: "\(table) took a record, stored nothing and gave no error: does a trigger leave rows out?",
            statement: "compare_\(table)", table: table)
    }

    fileprivate static func otherKeys(from table: String) -> PostgresError {
        PostgresError(
            kind: .unexpectedAnswer,
            message: "\(table) answers with a key that was not sent: does a trigger change rows?",
            statement: "insert_\(table)", table: table)
    }
}
