extension PostgresError {
    /// What to do about a failed statement. Decided by SQLSTATE, never by the text of a message, which is translated.
    ///
    /// The codes are those of PostgreSQL's appendix A; the comments say why each is where it is.
    public enum Recovery: Sendable, Equatable {
        /// An outage or a passing conflict: the whole transaction again, later, on a new connection where this one is lost.
        case retry
        /// The server refuses the data: find the row by splitting the batch, put it aside and go on.
        case refuseRow
        /// Rights, schema or configuration: the same statement fails until somebody changes something.
        case fix

        /// - Parameters:
        ///   - sqlstate: the server's code; nil means that the connection was lost.
        ///   - atCommit: the failed statement was `COMMIT`.
        ///   - usedPrepared: the statement ran from an earlier preparation.
        init(sqlstate: String?, atCommit: Bool, usedPrepared: Bool) {
            guard let sqlstate else {
                self = .retry
                return
            }
            self =
                Self.byCode(sqlstate, atCommit: atCommit, usedPrepared: usedPrepared)
                ?? Self.byClass(sqlstate.prefix(2))
        }

        /// The codes that differ from the rest of their class.
        private static func byCode(_ sqlstate: String, atCommit: Bool, usedPrepared: Bool) -> Recovery? {
            switch sqlstate {
            // "cached plan must not change result type" (plancache.c) after a migration, or the statement is gone
            // (DISCARD ALL, a pooler): the connection forgets its statements, so the next try prepares anew.
            case "0A000", "26000": usedPrepared ? .retry : .fix
            // read-only: the server became a standby. 25P02 heals by the rollback; 25P03, 25P04 are time limits.
            case "25006", "25P02", "25P03", "25P04": .retry
            // Object in use, lock not available: somebody else's lock (appendix A, class 55).
            case "55006", "55P03": .retry
            // async.c raises 54000 at commit when the notification queue is full; nbtinsert.c raises the same code for
            // a value too long for an index, which is the row's fault. 54001 is JSON nested too deep.
            case "54000": atCommit ? .retry : .refuseRow
            case "54001": .refuseRow
            // Raised by hand or by ASSERT in a trigger: somebody wrote a rule about data.
            case "P0001", "P0004": .refuseRow
            // Data or index corrupted: trying again makes it no better.
            case "XX001", "XX002": .fix
            default: nil
            }
        }

        private static func byClass(_ sqlstateClass: Substring) -> Recovery {
            switch sqlstateClass {
            // 08 connection, 40 serialization and deadlock, 53 resources (disk, memory, connections), 57 operator
            // (shutdown, cancel, statement_timeout), 58 system (I/O), 72 snapshot too old: all outside the statement.
            case "08", "40", "53", "57", "58", "72": .retry
            // Internal: in practice a concurrent change ("tuple concurrently updated", a relation dropped meanwhile).
            case "XX": .retry
            // 21 one row proposed twice, 22 data exception, 23 constraint, 44 check option of a view: the data.
            case "21", "22", "23", "44": .refuseRow
            // 28 and 3D come here only from a running session; while connecting every failure is retried, since
            // libpq gives no code there and passwords rotate. 42 syntax, names and rights. Unknown classes: somebody
            // should look, and nothing may be lost meanwhile.
            default: .fix
            }
        }
    }
}
