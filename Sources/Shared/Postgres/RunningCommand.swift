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

    /// What is sent, in bytes, without the texts of statements.
    var byteCount: Int {
        guard case .pipeline(let statements) = work else { return 0 }
        return statements.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + $1.byteCount } }
    }
}

extension Duration {
    /// How long bytes take on the slowest line that is waited for.
    fileprivate static func transfer(of bytes: Int) -> Duration {
        .seconds(Double(bytes) / Double(PostgresConfiguration.slowestLine))
    }
}

/// The command on the wire and what has come back for it.
struct RunningCommand {
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
    var received: ReceivedBytes
    /// What came has added so much to the deadline.
    private var grace = Duration.zero

    init(_ command: Command, mode: Mode, socket: Int32) {
        self.command = command
        self.mode = mode
        received = ReceivedBytes(on: socket)
        let sent = Duration.transfer(of: command.byteCount)
        deadline = command.timeout.map { .now + $0 + sent }
    }

    /// So many bytes have come: they took their time.
    mutating func extend(by bytes: UInt64) {
        let time = Duration.transfer(of: Int(clamping: bytes))
        deadline = deadline.map { $0 + (time - grace) }
        grace = time
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
