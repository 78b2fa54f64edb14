/// The statements that one connection has prepared. No I/O here.
struct StatementCache {
    private struct Signature: Equatable {
        let sql: String
        let types: [UInt32]

        init(_ statement: Statement) {
            sql = statement.sql
            types = statement.parameters.map(\.type)
        }
    }

    private var prepared: [String: Signature] = [:]

    /// The steps by which these statements are run: a named one that is new is prepared first.
    /// - Throws: `configuration` when a name stands for two texts or two lists of parameter types.
    func plan(_ statements: [Statement]) throws(PostgresError) -> [PipelineState.Step] {
        var steps: [PipelineState.Step] = []
        steps.reserveCapacity(statements.count)
        var upcoming: [String: Signature] = [:]
        for (index, statement) in statements.enumerated() {
            if let name = statement.name {
                let signature = Signature(statement)
                if let known = prepared[name] ?? upcoming[name] {
                    try check(known, signature, name)
                } else {
                    upcoming[name] = signature
                    steps.append(.prepare(statement: index))
                }
            }
            try checkCount(statement)
            steps.append(.run(statement: index, isCommit: statement.isCommit))
        }
        return steps
    }

    private func check(_ known: Signature, _ wanted: Signature, _ name: String) throws(PostgresError) {
        guard known == wanted else {
            throw PostgresError(
                kind: .configuration, message: "one statement name stands for two texts or parameter lists",
                statement: name)
        }
    }

    /// The protocol counts parameters in 16 bits.
    private func checkCount(_ statement: Statement) throws(PostgresError) {
        guard statement.parameters.count <= Int(UInt16.max) else {
            throw PostgresError(
                kind: .configuration, message: "more than 65535 parameters", statement: statement.label)
        }
    }

    mutating func markPrepared(_ statement: Statement) {
        guard let name = statement.name else { return }
        prepared[name] = Signature(statement)
    }

    mutating func removeAll() {
        prepared.removeAll()
    }
}
