/// What went wrong, in words that may be logged: the primary message only, never a detail, a row or a password.
public struct PostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where the failure arose.
    public enum Kind: String, Sendable {
        /// The conninfo cannot be used, or a statement was misused by this program.
        case configuration
        /// No connection could be made.
        case connect
        /// The connection broke. Whether a commit under way took effect is unknown.
        case connectionLost
        /// The answer did not come in time; the connection was dropped. Outcome unknown as above.
        case replyTimeout
        /// The connection was closed by this side before the statement was answered.
        case closed
        /// The server refused a statement.
        case server
        /// The answer is not one to the question: the server, what sits in its place, or a trigger there is not what this
        /// program knows. Give the connection up.
        case unexpectedAnswer
        /// `COMMIT` was answered by `ROLLBACK`: nothing was stored.
        case rolledBack
    }

    /// Where the failure arose.
    public let kind: Kind
    /// The server's five-character code; nil when the failure was seen on this side.
    public let sqlstate: String?
    /// The primary message, or words of our own.
    public let message: String
    /// The name of the failed statement or, without a name, its first word.
    public let statement: String?
    /// The table and the constraint that the server names, if it does. Names, never values.
    public let table: String?
    /// As ``table``.
    public let constraint: String?
    /// What to do about it.
    public let recovery: Recovery

    /// - Parameters:
    ///   - kind: where the failure arose; together with the code it decides ``recovery``.
    ///   - message: the primary message. It will be logged.
    ///   - sqlstate: the server's code.
    ///   - statement: the name or first word of the statement.
    ///   - table: the table that the server names.
    ///   - constraint: the constraint that the server names.
    ///   - atCommit: the statement was `COMMIT`.
    ///   - usedPrepared: the statement ran from an earlier preparation.
    public init(
        kind: Kind, message: String, sqlstate: String? = nil, statement: String? = nil, table: String? = nil,
        constraint: String? = nil, atCommit: Bool = false, usedPrepared: Bool = false
    ) {
        self.kind = kind
        self.sqlstate = sqlstate
        self.message = message
        self.statement = statement
        self.table = table
        self.constraint = constraint
        switch kind {
        case .configuration: recovery = .fix
        case .connect, .connectionLost, .replyTimeout, .closed, .rolledBack, .unexpectedAnswer: recovery = .retry
        case .server: recovery = Recovery(sqlstate: sqlstate, atCommit: atCommit, usedPrepared: usedPrepared)
        }
    }

    public var description: String {
        var text = "\(kind.rawValue): \(message)"
        if let sqlstate { text += " [\(sqlstate)]" }
        if let statement { text += " in \(statement)" }
        return text
    }
}
