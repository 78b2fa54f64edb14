/// Something to run, and who waits for it.
struct Command {
    typealias Continuation = CheckedContinuation<Result<[Rows], PostgresError>, Never>

    enum Work {
        case pipeline([Statement])
        case script(String)
    }

    let work: Work
    /// nil: no bound.
    let timeout: Duration?
    let continuation: Continuation
}

/// The command on the wire and what has come back for it.
struct Exchange {
    enum Mode {
        case pipeline(PipelineState)
        case script
        /// The command has failed; what it left behind is being cleared up.
        case recovery(PipelineState)
    }

    let command: Command
    var mode: Mode
    /// In the order of the statements.
    var rows: [Rows] = []
    /// The first error, which the caller gets.
    var error: PostgresError?
    var deadline: ContinuousClock.Instant?

    init(_ command: Command, mode: Mode) {
        self.command = command
        self.mode = mode
        deadline = command.timeout.map { .now + $0 }
    }

    func resume() {
        command.continuation.resume(returning: error.map { .failure($0) } ?? .success(rows))
    }

    /// The statement at an index; nil for scripts.
    func statement(_ index: Int?) -> Statement? {
        guard let index, case .pipeline(let statements) = command.work else { return nil }
        return statements[index]
    }

    /// The server's prepared statements are of no use any more.
    var hasStalePreparation: Bool { error?.meansStalePreparation ?? false }

    /// What must be run before the next command after this one failed.
    func clearingUp(transactionFailed: Bool) -> [Statement] {
        guard error != nil else { return [] }
        var statements: [Statement] = []
        if transactionFailed { statements.append(Statement("ROLLBACK")) }
        if hasStalePreparation { statements.append(Statement("DEALLOCATE ALL")) }
        return statements
    }
}

extension PostgresError {
    /// The plan or the statement is not what it was when it was prepared; see ``Recovery``.
    fileprivate var meansStalePreparation: Bool {
        kind == .server && (sqlstate == "0A000" || sqlstate == "26000")
    }
}
