package import Postgres

/// Whose fault it is that a transaction failed.
///
/// Only the statements that insert or compare records can blame a row, and the one that announces them where it can't hold the
/// value. Everything else is an outage, whatever its code: nothing is put aside for it.
package enum Blame: Sendable, Equatable {
    case row
    case outage

    package init(_ error: PostgresError) {
        let isRow =
            switch error.statement {
            case "insert_outbox"?: error.kind == .server && error.sqlstate?.hasPrefix("22") == true
            case let name? where StoreStatements.isInsert(name): error.recovery == .refuseRow
            // They write to the table of conflicts, too: what is wrong there is no row's fault.
            case let name? where StoreStatements.isComparison(name):
                (error.recovery == .refuseRow || error.kind == .unexpectedAnswer)
                    && error.table != "conflicting_duplicates"
            default: false
            }
        self = isRow && !error.isSequenceAtItsEnd ? .row : .outage
    }
}

extension PostgresError {
    /// The one code of class 22 that is about no value.
    fileprivate var isSequenceAtItsEnd: Bool { sqlstate == "2200H" }

    /// What to do about an outage that does not pass by itself: the table or sequence, and the command that mends it. nil where
    /// the error says all that is known.
    package var remedy: String? {
        guard kind == .server else { return nil }
        switch (sqlstate, table) {
        // The one CHECK without a name: no partition takes the row.
        case ("23514", "outbox"?) where constraint == nil:
            return "the outbox has no partition for its next ids: SELECT outbox_make_partitions()"
        case ("23514", let table?) where constraint == nil:
            return "\(table) has no partition for such rows: make one"
        case ("23505", "outbox"?):
            return "outbox_id_seq is behind its table: `relay check` says what to do"
        case ("23505", let table?) where Self.numbered.contains(table):
            return """
                the ids of \(table) are behind its rows: \
                SELECT setval(pg_get_serial_sequence('\(table)', 'id'), (SELECT max(id) FROM \(table)))
                """
        default:
            return isSequenceAtItsEnd ? "a sequence is at its end: ALTER SEQUENCE … AS bigint" : nil
        }
    }

    /// Tables whose rows get their id from the database.
    private static let numbered: Set<String> = [
        "ingest_batches", "quarantine", "quarantine_acts", "conflicting_duplicates",
    ]
}
