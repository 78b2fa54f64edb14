/// Sending commands and sorting out the answers. Nothing here suspends.
extension PostgresConnection {
    // MARK: sending

    func startNextCommand() {
        while exchange == nil && end == nil && !queue.isEmpty {
            start(queue.removeFirst())
        }
        updateInterest()
    }

    private func start(_ command: Command) {
        switch command.work {
        case .pipeline(let statements):
            do {
                let steps = try cache.plan(statements)
                exchange = RunningCommand(
                    command, mode: .pipeline(PipelineState(steps: steps)), socket: handle?.socket ?? -1)
                send(steps, of: statements)
            } catch {
                command.continuation.resume(returning: .failure(error))
            }
        case .script(let sql):
            exchange = RunningCommand(command, mode: .script, socket: handle?.socket ?? -1)
            let sent = handle?.exitPipelineMode() == true && handle?.sendScript(sql) == true
            flush(afterSending: sent)
        }
    }

    private func send(_ steps: [PipelineState.Step], of statements: [Statement]) {
        var sent = true
        for step in steps where sent {
            let statement = statements[step.statement]
            sent =
                switch (step, statement.name) {
                case (.prepare, let name): handle?.sendPrepare(statement, name: name ?? "") == true
                case (.run, let name?): handle?.sendPrepared(statement, name: name) == true
                case (.run, nil): handle?.send(statement) == true
                }
        }
        flush(afterSending: sent && handle?.sendSync() == true)
    }

    /// A pipeline that was sent in part cannot be taken back, so that ends the connection.
    private func flush(afterSending sent: Bool) {
        guard sent else { return finishBroken() }
        flush()
    }

    private func flush() {
        switch handle?.flush() {
        case 0: hasUnsentBytes = false
        case 1: hasUnsentBytes = true
        default: finishBroken()
        }
    }

    // MARK: receiving

    /// The thread calls this when the socket is ready or a deadline has passed.
    func socketIsReady() {
        guard end == nil, !receivesTooMuch() else { return }
        // Reading comes first: a server that cannot send to us does not read from us.
        let alive = handle?.consumeInput() == true
        takeResults()
        takeNotifications()
        guard end == nil else { return }
        guard alive else { return finishBroken() }
        if hasUnsentBytes { flush() }
        checkDeadlines()
        updateInterest()
    }

    /// Gives the connection up when more has come than any answer to what was asked would have; what has come extends the
    /// deadline.
    private func receivesTooMuch() -> Bool {
        guard let socket = handle?.socket else { return true }
        let bytes: UInt64
        let limit: Int
        if exchange != nil {
            bytes = exchange?.received.count(on: socket) ?? 0
            limit = maximumReplyBytes
            if bytes > 1 << 20 { exchange?.extend(by: bytes) }
        } else {
            bytes = unasked.count(on: socket)
            limit = Self.maximumUnaskedBytes
        }
        guard bytes > limit else { return false }
        finish(PostgresError(kind: .connectionLost, message: "the server sends more than \(limit) bytes"))
        return true
    }

    private func takeResults() {
        while exchange != nil, handle?.isBusy == false {
            takeResult(handle?.nextResult())
        }
    }

    private func takeResult(_ result: consuming ResultHandle?) {
        switch exchange?.mode {
        case .pipeline(var state):
            let action = state.receive(result?.reply ?? .end)
            exchange?.mode = .pipeline(state)
            perform(action, result)
        case .recovery(var state):
            let action = state.receive(result?.reply ?? .end)
            exchange?.mode = .recovery(state)
            performInRecovery(action)
        case .script: takeScriptResult(result)
        case nil: break
        }
    }

    private func perform(_ action: PipelineState.Action, _ result: consuming ResultHandle?) {
        switch action {
        case .ignore: break
        case .keepRows:
            if let rows = result?.rows() { exchange?.rows.append(rows) }
        case .markPrepared(let index):
            if let statement = exchange?.statement(index) { cache.markPrepared(statement) }
        case .keepError(let index): keepError(result, of: exchange?.statement(index))
        case .keepRolledBack(let index):
            exchange?.error = PostgresError(
                kind: .rolledBack, message: "the transaction had failed before, so COMMIT rolled it back",
                statement: exchange?.statement(index)?.label)
        case .finish: finishCommand()
        case .giveUp: finishBroken()
        }
    }

    private func performInRecovery(_ action: PipelineState.Action) {
        switch action {
        case .ignore, .keepRows, .markPrepared: break
        case .finish: finishCommand()
        case .keepError, .keepRolledBack, .giveUp: finishBroken()
        }
    }

    private func takeScriptResult(_ result: consuming ResultHandle?) {
        switch result?.reply {
        case nil:
            guard handle?.enterPipelineMode() == true else { return finishBroken() }
            finishCommand()
        case .success: break
        case .failure: if exchange?.error == nil { keepError(result, of: nil) }
        default: finishBroken()
        }
    }

    private func keepError(_ result: consuming ResultHandle?, of statement: Statement?) {
        let message = redaction.message(result?.primaryMessage ?? handle?.errorText ?? "")
        let sqlstate = result?.sqlstate
        if sqlstate == nil || result?.endsSession == true {
            return finish(
                PostgresError(
                    kind: .connectionLost, message: message, sqlstate: sqlstate, statement: statement?.label))
        }
        exchange?.error = PostgresError(
            kind: .server, message: message, sqlstate: sqlstate, statement: statement?.label, table: result?.table,
            constraint: result?.constraint,
            // An error at the sync came from the commit of an implicit transaction.
            atCommit: statement?.isCommit ?? true, usedPrepared: statement?.name != nil)
    }

    // MARK: finishing

    private func finishCommand() {
        guard var exchange else { return }
        let remains = exchange.clearingUp(transactionFailed: handle?.isTransactionFailed == true)
        if case .recovery = exchange.mode {
            // Once is enough: it either worked or ended the connection.
        } else if !remains.isEmpty {
            let steps = remains.indices.map { PipelineState.Step.run(statement: $0, isCommit: false) }
            exchange.mode = .recovery(PipelineState(steps: steps))
            exchange.deadline = .now + replyTimeout
            self.exchange = exchange
            if exchange.hasStalePreparation { cache.removeAll() }
            return send(steps, of: remains)
        }
        self.exchange = nil
        if let handle = handle?.socket { unasked = ReceivedBytes(on: handle) }
        exchange.resume()
        startNextCommand()
    }

    private func checkDeadlines() {
        let now = ContinuousClock.now
        if let deadline = exchange?.deadline, deadline <= now {
            return finish(PostgresError(kind: .replyTimeout, message: "the server did not answer in time"))
        }
        endWaits(returning: .success(false)) { $0.deadline <= now }
    }

    private func finishBroken() {
        let text = handle?.errorText ?? ""
        let message = text.isEmpty ? "the server's replies make no sense" : redaction.message(text)
        finish(PostgresError(kind: .connectionLost, message: message))
    }

    /// Ends the session and tells everybody.
    func finish(_ error: PostgresError) {
        guard end == nil else { return }
        end = error
        handle = nil
        let commands = [exchange?.command].compactMap { $0 } + queue
        exchange = nil
        queue = []
        for command in commands { command.continuation.resume(returning: .failure(error)) }
        endWaits(returning: .failure(error)) { _ in true }
        updateInterest()
    }
}
