package import Postgres
import ProgramRuntime
import Records

/// Records and their outbox rows in one transaction: ``storeRecords()``, then ``commit(_:with:)``.
///
/// Two round trips, three if there were duplicates: the outbox rows depend on which records were new.
package struct StoreTransaction {
    /// What became of the records, if the transaction commits.
    package struct Outcome: Sendable {
        /// For each record of the batch, which version it is: 1 if it is new, above if it replaced the one before, 0 if it is a
        /// duplicate or none of the part.
        package var revision: [Int32]
        /// Of each kind that has any, the first record that was kept as a conflict: an index into the batch's records.
        package var conflicts: [Int] = []
        package var result = StoreResult()
    }

    private let connection: PostgresConnection
    private let part: BatchPart
    private let rules: RevisionRules
    private let isOpen: Bool

    /// - Parameters:
    ///   - rules: what becomes of versions that come later.
    ///   - isOpen: whether the transaction has begun already.
    package init(
        connection: PostgresConnection, part: BatchPart, rules: RevisionRules = RevisionRules(), isOpen: Bool = false
    ) {
        self.connection = connection
        self.part = part
        self.rules = rules
        self.isOpen = isOpen
    }

    private var batch: PreparedBatch { part.batch }

    /// - Parameter index: into the batch's kinds.
    private func kind(_ index: Int) -> RecordKind { batch.kinds[index] }

    /// Constraints that somebody made deferrable speak when the row comes, not at the commit, where they could blame no row.
    static let begin = [
        Statement("BEGIN", name: "begin"), Statement("SET CONSTRAINTS ALL IMMEDIATE", name: "constraints"),
    ]

    // MARK: records

    /// Inserts the records that are new. Of the others, those whose content differs from what is stored are kept beside it, or
    /// replace it, as the rule of their kind says.
    package func storeRecords() async throws(PostgresError) -> Outcome {
        let plan = BatchPlan(batch.records, selection: part.records)
        var outcome = Outcome(revision: [Int32](repeating: 0, count: batch.records.count))
        let opening = (isOpen ? [] : Self.begin) + patience
        let answers = try await connection.pipeline(opening + plan.kinds.map(insertFirsts))
        for (kind, rows) in zip(plan.kinds, answers.dropFirst(opening.count)) {
            try mark(kind, newKeys: rows, &outcome)
        }
        try await keepConflicts(plan, &outcome)
        try await revise(plan, &outcome)
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
        var columns = RecordColumns(kind: kind(plan.kind), capacity: plan.firsts.count)
        for index in plan.firsts { columns.append(batch.records[index], of: batch) }
        let statements = StoreStatements.of(kind(plan.kind))
        guard case .latest(let field?) = rules[kind(plan.kind)] else { return statements.insert(columns) }
        return statements.insert(columns, payloads: payloads(plan.firsts), versionField: field)
    }

    private func payloads(_ indices: [Int]) -> BinaryArray {
        var payloads = BinaryArray(elementType: .text, capacity: indices.count)
        let batch = batch
        let bytes = batch.bytes.span
        for index in indices { payloads.append(bytes: bytes.extracting(batch.records[index].payload)) }
        return payloads
    }

    private func traces(_ indices: [Int]) -> BinaryArray {
        var traces = BinaryArray(elementType: .text, capacity: indices.count)
        let batch = batch
        let bytes = batch.bytes.span
        for index in indices { traces.append(traceOf: batch.records[index], in: bytes) }
        return traces
    }

    private func mark(
        _ plan: BatchPlan.KindPlan, newKeys rows: Rows, _ outcome: inout Outcome
    ) throws(PostgresError) {
        let keys = try rows.map { row throws(PostgresError) in try row.key }
        guard let new = plan.new(batch.records, keys: keys) else {
            throw .otherKeys(from: kind(plan.kind).table)
        }
        for index in new { outcome.revision[index] = 1 }
        outcome.result.stored[plan.kind] = new.count
    }

    private func keepConflicts(_ plan: BatchPlan, _ outcome: inout Outcome) async throws(PostgresError) {
        var statements: [Statement] = []
        var sent: [(kind: Int, indices: [Int])] = []
        for kind in plan.kinds where rules[self.kind(kind.kind)] == .first {
            let duplicates = kind.firsts.filter { outcome.revision[$0] == 0 } + kind.repeats
            guard !duplicates.isEmpty else { continue }
            statements.append(keepConflicts(kind.kind, duplicates))
            sent.append((kind.kind, duplicates))
        }
        guard !statements.isEmpty else { return }
        for (part, rows) in zip(sent, try await connection.pipeline(statements)) {
            let (found, differing) = (Int(try rows[0].int8(0)), Int(try rows[0].int8(1)))
            guard found == part.indices.count else { throw .recordLeftOut(by: kind(part.kind).table) }
            guard (0...found).contains(differing) else { throw .otherKeys(from: kind(part.kind).table) }
            outcome.result.duplicateSame[part.kind] = found - differing
            outcome.result.duplicateOther[part.kind] = differing
            guard differing > 0 else { continue }
            let first = Int(try rows[0].int8(2))
            guard (1...found).contains(first) else { throw .otherKeys(from: kind(part.kind).table) }
            outcome.conflicts.append(part.indices[first - 1])
        }
    }

    private func keepConflicts(_ index: Int, _ duplicates: [Int]) -> Statement {
        var columns = RecordColumns(kind: kind(index), capacity: duplicates.count)
        for index in duplicates { columns.append(batch.records[index], of: batch) }
        return StoreStatements.of(kind(index)).keepConflicts(
            columns, traces: traces(duplicates), payloads: payloads(duplicates))
    }

    // MARK: revisions

    /// Those of the kinds whose rule takes later versions, in the order of arrival.
    private func revise(_ plan: BatchPlan, _ outcome: inout Outcome) async throws(PostgresError) {
        var statements: [Statement] = []
        var sent: [(kind: Int, indices: [Int])] = []
        for kind in plan.kinds where rules[self.kind(kind.kind)] != .first {
            let later = (kind.firsts.filter { outcome.revision[$0] == 0 } + kind.repeats).sorted()
            guard !later.isEmpty else { continue }
            statements.append(revise(kind.kind, later))
            sent.append((kind.kind, later))
        }
        guard !statements.isEmpty else { return }
        for (part, rows) in zip(sent, try await connection.pipeline(statements)) {
            guard rows.count == part.indices.count else { throw .recordLeftOut(by: kind(part.kind).table) }
            for row in 0..<rows.count {
                let place = Int(try rows[row].int4(0)) - 1
                switch Revision(rawValue: try rows[row].int4(1)) {
                case .same?: outcome.result.duplicateSame[part.kind] += 1
                case .older?: outcome.result.duplicateOther[part.kind] += 1
                case .replaced? where part.indices.indices.contains(place):
                    outcome.result.revised[part.kind] += 1
                    outcome.revision[part.indices[place]] = try rows[row].int4(2)
                default: throw .otherKeys(from: kind(part.kind).table)
                }
            }
        }
    }

    /// What the database says of a message whose record is stored already.
    private enum Revision: Int32 {
        case same = 0
        /// Other content that does not replace what is stored.
        case older = 1
        case replaced = 2
    }

    private func revise(_ index: Int, _ later: [Int]) -> Statement {
        let kind = kind(index)
        var columns = RecordColumns(kind: kind, capacity: later.count)
        for index in later { columns.append(batch.records[index], of: batch) }
        var values = BinaryArray(elementType: .text, capacity: later.count * kind.fields.count)
        for column in kind.fields.indices {
            for index in later {
                if let value = batch.value(column, of: batch.records[index]) {
                    values.append(bytes: value.span)
                } else {
                    values.appendNull()
                }
            }
        }
        return StoreStatements.of(kind).revise(
            columns, rule: rules[kind], traces: traces(later), payloads: payloads(later), values: values)
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
        for index in part.records where outcome.revision[index] > 0 {
            rows.append(batch.records[index], of: batch, revision: outcome.revision[index])
        }
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
