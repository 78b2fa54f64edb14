public import AMQP
public import Postgres
public import ProgramRuntime
import Schema

/// The lines of `writer check` and `relay check`, each of them fine or not.
public struct CheckReport: Sendable {
    private var isGood = true
    private var isUnavailable = false

    public init() {}

    /// Prints one line.
    public mutating func note(_ what: String, _ isFine: Bool, _ finding: String) {
        line(isFine ? "ok  " : "FAIL", what, finding)
        if !isFine { isGood = false }
    }

    /// Prints one line of something that is allowed, and should be known.
    public func warn(_ what: String, _ finding: String) { line("WARN", what, finding) }

    /// Names of queues and findings of servers come from elsewhere.
    private func line(_ verdict: String, _ what: String, _ finding: String) {
        StandardStream.line(SafeText.oneLine("\(verdict) \(what): \(finding)", limit: 8192))
    }

    /// Every setting of the program, as its service reads it.
    /// - Throws: ``CommandExit`` with 78 if one is wrong, after a line for each that is.
    public mutating func settings(_ reader: SettingsReader, of program: String) throws(CommandExit) {
        let problems = reader.problems
        for problem in problems { note("settings", false, "\(problem)") }
        for line in reader.unknownVariables(prefix: "\(program.uppercased())_") { warn("settings", line) }
        guard problems.isEmpty else { throw CommandExit(.configuration) }
        note("settings", true, "all readable")
    }

    /// Connection, schema version and rights.
    /// - Parameter rights: what the program does, as relation or function, and privilege; some columns will do.
    public mutating func database(
        _ configuration: PostgresConfiguration, rights: [(relation: String, privilege: String)]
    ) async {
        do {
            let connection = try await PostgresConnection.connect(configuration, logger: Program.quietLogger)
            note("postgres", true, "connected, server \(connection.serverVersion / 10_000)")
            do {
                try await weaknesses(connection)
                try await schema(connection, rights)
            } catch {
                note("schema", false, "\(error)")
            }
            await connection.close()
        } catch {
            note("postgres", false, "\(error)")
            isUnavailable = true
        }
    }

    /// Settings of the server by which what was committed can be lost.
    private func weaknesses(_ connection: PostgresConnection) async throws {
        let rows = try await connection.execute(
            """
            SELECT name FROM pg_settings
            WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND reset_val = 'off' ORDER BY name
            """)
        for name in try rows.map({ row throws(PostgresError) in try row.text(0) }) {
            warn(
                "postgres",
                name == "synchronous_commit"
                    ? "synchronous_commit is off for this user or database; these programs set it to on for themselves"
                    : "\(name) is off: what was committed can be lost when the server's machine fails")
        }
    }

    private mutating func schema(
        _ connection: PostgresConnection, _ rights: [(relation: String, privilege: String)]
    ) async throws {
        try await UnfitDatabase.check(connection)
        let version = try await SchemaVersion.current(connection)
        guard version >= SchemaVersion.required else {
            return note("schema", false, SchemaOutdated(version: version).description)
        }
        note("schema", true, "version \(version)")
        var missing: [String] = []
        for right in rights {
            let question = ["DELETE": "has_table_privilege", "EXECUTE": "has_function_privilege"][right.privilege]
            let rows = try await connection.execute(
                "SELECT \(question ?? "has_any_column_privilege")($1, $2)",
                [.text(right.relation), .text(right.privilege)])
            if try !rows[0].bool(0) { missing.append("\(right.privilege) on \(right.relation)") }
        }
        try await ids(connection)
        try await records(connection)
        note("rights", missing.isEmpty, missing.isEmpty ? "all there" : "missing: \(missing.joined(separator: ", "))")
    }

    /// Where ids stand: one line, or one for each thing that would keep them from rising, with what mends it.
    private mutating func ids(_ connection: PostgresConnection) async throws(PostgresError) {
        let rows = try await connection.execute("SELECT is_fine, finding FROM outbox_ids_report()")
        for row in 0..<rows.count { note("ids", try rows[row].bool(0), try rows[row].text(1)) }
    }

    /// How the tables of records lie, for those who may know.
    private mutating func records(_ connection: PostgresConnection) async throws(PostgresError) {
        let right = "SELECT has_function_privilege('records_report()', 'EXECUTE')"
        guard try await connection.execute(right)[0].bool(0) else { return }
        let rows = try await connection.execute("SELECT is_fine, finding FROM records_report()")
        for row in 0..<rows.count {
            let finding = try rows[row].text(1)
            if try rows[row].bool(0) { note("records", true, finding) } else { warn("records", finding) }
        }
    }

    /// Connection, queues, and what the program does with them. A missing queue is fine if it may be created, which it is at
    /// start.
    /// - Parameter management: where to ask for the policies of the queues.
    public mutating func broker(
        _ configuration: AMQPConfiguration, queues: [QueueDeclaration], for purpose: AMQPInspector.Purpose,
        management: ManagementAPI? = nil
    ) async {
        do throws(AMQPError) {
            let (address, states) = try await AMQPInspector.look(configuration, queues: queues, for: purpose)
            note("rabbitmq", true, "connected to \(address)")
            for warning in configuration.endpoints.compactMap(\.warning) { warn("rabbitmq", warning) }
            for state in states {
                note("queue \(state.name)", state.refusal == nil, Self.finding(state))
                for loss in QueueArgument.losses(state.arguments) { warn("queue \(state.name)", loss) }
                let virtualHost = configuration.endpoints.first?.virtualHost ?? "/"
                let limit = await limit(of: state, virtualHost, management)
                if let warning = limit.warning(queue: state.name, virtualHost: virtualHost) {
                    warn("queue \(state.name)", warning)
                }
            }
        } catch {
            note("rabbitmq", false, "\(error)")
            isUnavailable = true
        }
    }

    private mutating func limit(
        of queue: AMQPInspector.QueueState, _ virtualHost: String, _ management: ManagementAPI?
    ) async -> DeliveryLimit {
        guard let management, queue.exists else { return queue.deliveryLimit }
        do throws(ManagementAPI.Failure) {
            return queue.deliveryLimit(under: try await management.policy(of: queue.name, virtualHost: virtualHost))
        } catch {
            note("management API", false, "\(error)")
            return queue.deliveryLimit
        }
    }

    private static func finding(_ state: AMQPInspector.QueueState) -> String {
        if let refusal = state.refusal { return "\(refusal)" }
        if state.isHidden { return "this account may not look at it, which publishing needs not" }
        return state.exists
            ? "\(state.messages) messages, \(state.consumers) consumers" : "not there yet, created at start"
    }

    /// Ends the command with the right status.
    /// - Throws: ``CommandExit`` with 69 if a server is not there, with 1 if anything else is not fine.
    public func finish() throws(CommandExit) {
        if isUnavailable { throw CommandExit(.unavailable) }
        if !isGood { throw CommandExit(.no) }
    }
}
