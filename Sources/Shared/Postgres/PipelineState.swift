/// Which reply belongs to which statement of a pipeline, and what to do with it. No I/O here.
///
/// libpq answers each step with one result and then NULL, and the whole with one result for the sync. After an error
/// the remaining steps are answered "aborted". An error may also come at the sync itself: that is where an implicit
/// transaction commits.
struct PipelineState {
    /// One thing that was sent and is answered on its own.
    enum Step: Equatable {
        case prepare(statement: Int)
        case run(statement: Int, isCommit: Bool)

        var statement: Int {
            switch self {
            case .prepare(let statement), .run(let statement, _): statement
            }
        }
    }

    /// What libpq handed out.
    enum Reply: Equatable {
        /// The step succeeded; `tag` is what the server says that it did.
        case success(tag: String)
        case failure
        case aborted
        /// NULL: nothing more for this step.
        case end
        case sync
        /// A status that cannot come in answer to what is sent here, such as COPY.
        case unexpected
    }

    /// What to do with the result.
    enum Action: Equatable {
        case ignore
        case keepRows(statement: Int)
        case markPrepared(statement: Int)
        /// The first error of the pipeline; nil: it came at the sync.
        case keepError(statement: Int?)
        /// `COMMIT` was answered by `ROLLBACK`, which is the error of this pipeline.
        case keepRolledBack(statement: Int)
        case finish
        /// The replies make no sense: the connection cannot be used any more.
        case giveUp
    }

    private enum Expectation {
        case reply
        case end
        case finished
    }

    private let steps: [Step]
    private var position = 0
    private var expectation = Expectation.reply
    /// Results at the sync that are not the sync: an error and its NULL at most, or reading would never end.
    private var extrasAtSync = 0
    /// An error was kept.
    private var failed = false

    init(steps: [Step]) {
        self.steps = steps
    }

    mutating func receive(_ reply: Reply) -> Action {
        switch expectation {
        case .finished: .giveUp
        case .reply: position == steps.count ? receiveAtSync(reply) : receive(reply, for: steps[position])
        case .end: receiveEnd(reply)
        }
    }

    private mutating func receive(_ reply: Reply, for step: Step) -> Action {
        expectation = .end
        switch (reply, step) {
        case (.success("ROLLBACK"), .run(let statement, isCommit: true)):
            return keep(.keepRolledBack(statement: statement))
        case (.success, .run(let statement, _)):
            return .keepRows(statement: statement)
        case (.success, .prepare(let statement)):
            return .markPrepared(statement: statement)
        case (.failure, _):
            return keep(.keepError(statement: step.statement))
        case (.aborted, _) where failed:
            return .ignore
        case (.aborted, _), (.end, _), (.sync, _), (.unexpected, _):
            return .giveUp
        }
    }

    private mutating func receiveEnd(_ reply: Reply) -> Action {
        guard reply == .end else { return .giveUp }
        expectation = .reply
        position += 1
        return .ignore
    }

    private mutating func receiveAtSync(_ reply: Reply) -> Action {
        switch reply {
        case .sync:
            expectation = .finished
            return .finish
        case .failure where extrasAtSync < 2:
            extrasAtSync += 1
            return keep(.keepError(statement: nil))
        case .end where extrasAtSync < 2:
            extrasAtSync += 1
            return .ignore
        case .success, .aborted, .end, .failure, .unexpected:
            return .giveUp
        }
    }

    private mutating func keep(_ action: Action) -> Action {
        guard !failed else { return .ignore }
        failed = true
        return action
    }
}
