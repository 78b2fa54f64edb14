/// Where the server is and how a connection to it behaves.
public struct PostgresConfiguration: Sendable {
    /// A libpq URI or keyword string; several hosts are allowed. May hold a password, so never log it.
    public var conninfo: String
    /// What `pg_stat_activity` shows; an `application_name` in the conninfo is overridden by it.
    public var applicationName: String
    /// Server settings for the session, applied while connecting, e.g. `["synchronous_commit": "off"]`.
    ///
    /// `statement_timeout` and `idle_in_transaction_session_timeout` are ``replyTimeout`` unless set here or in the
    /// conninfo: a statement that this side has given up on should not go on holding locks on the other.
    public var parameters: [String: String]
    /// The bound on connecting, shared out evenly over the hosts. Only the DNS lookup is outside it.
    public var connectTimeout: Duration = .seconds(5)
    /// A pipeline that is not answered in full within this time counts as a lost connection.
    public var replyTimeout: Duration = .seconds(30)

    /// Asked before each connection for a conninfo that may have changed, so that a new password needs no restart. Where it
    /// has none, ``conninfo`` stands.
    public var reread: (@Sendable () -> String?)?

    /// The conninfo of the next connection.
    var currentConninfo: String { reread?() ?? conninfo }

    /// Makes sure that the conninfo can be read; connects to nothing.
    /// - Throws: ``PostgresError`` of kind `configuration`, without a piece of the conninfo.
    public func validate() throws(PostgresError) { _ = try Conninfo(parsing: conninfo) }

    /// - Parameters:
    ///   - conninfo: a libpq URI or keyword string.
    ///   - applicationName: the name shown in `pg_stat_activity`.
    ///   - parameters: server settings by name.
    public init(conninfo: String, applicationName: String, parameters: [String: String] = [:]) {
        self.conninfo = conninfo
        self.applicationName = applicationName
        self.parameters = parameters
    }
}

/// Without the conninfo, so that a configuration that is logged by mistake gives no password away.
extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "PostgresConfiguration(\(applicationName))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["applicationName": applicationName]) }
}
