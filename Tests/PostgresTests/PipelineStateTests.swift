import Testing

@testable import Postgres

@Suite("Replies to a pipeline")
struct PipelineStateTests {
    private let ok = PipelineState.Reply.success(tag: "INSERT 0 1")
    private var twoStatements: PipelineState {
        PipelineState(steps: [
            .prepare(statement: 0), .run(statement: 0, isCommit: false), .run(statement: 1, isCommit: true),
        ])
    }

    private func actions(
        _ replies: [PipelineState.Reply], to state: PipelineState
    ) -> [PipelineState.Action] {
        var state = state
        return replies.map { state.receive($0) }
    }

    @Test func successGoesStepByStep() {
        #expect(
            actions([ok, .end, ok, .end, .success(tag: "COMMIT"), .end, .sync], to: twoStatements)
                == [
                    .markPrepared(statement: 0), .ignore, .keepRows(statement: 0), .ignore, .keepRows(statement: 1),
                    .ignore, .finish,
                ])
    }

    @Test func onlyTheFirstErrorIsKept() {
        #expect(
            actions([ok, .end, .failure, .end, .aborted, .end, .sync], to: twoStatements)
                == [
                    .markPrepared(statement: 0), .ignore, .keepError(statement: 0), .ignore, .ignore, .ignore, .finish,
                ])
    }

    @Test func aFailedPreparationFailsTheStatement() {
        #expect(
            actions([.failure, .end, .aborted, .end, .aborted, .end, .sync], to: twoStatements)
                == [.keepError(statement: 0), .ignore, .ignore, .ignore, .ignore, .ignore, .finish])
    }

    @Test func commitAnsweredByRollbackIsAnError() {
        let state = PipelineState(steps: [.run(statement: 0, isCommit: true)])
        #expect(
            actions([.success(tag: "ROLLBACK"), .end, .sync], to: state)
                == [.keepRolledBack(statement: 0), .ignore, .finish])
    }

    @Test func rollbackAnsweredByRollbackIsFine() {
        let state = PipelineState(steps: [.run(statement: 0, isCommit: false)])
        #expect(actions([.success(tag: "ROLLBACK")], to: state) == [.keepRows(statement: 0)])
    }

    @Test func anErrorMayComeAtTheSync() {
        let state = PipelineState(steps: [.run(statement: 0, isCommit: false)])
        #expect(
            actions([ok, .end, .failure, .end, .sync], to: state)
                == [.keepRows(statement: 0), .ignore, .keepError(statement: nil), .ignore, .finish])
    }

    @Test func waitingForTheSyncIsBounded() {
        let state = PipelineState(steps: [])
        #expect(actions([.end, .end, .end], to: state) == [.ignore, .ignore, .giveUp])
        #expect(actions([.failure, .failure, .failure], to: state) == [.keepError(statement: nil), .ignore, .giveUp])
    }

    @Test(arguments: [PipelineState.Reply.aborted, .end, .sync, .unexpected])
    func nonsenseInPlaceOfAResult(reply: PipelineState.Reply) {
        #expect(actions([reply], to: twoStatements) == [.giveUp])
    }

    @Test(arguments: [PipelineState.Reply.success(tag: ""), .failure, .aborted, .sync, .unexpected])
    func nonsenseInPlaceOfTheEnd(reply: PipelineState.Reply) {
        #expect(actions([ok, reply], to: twoStatements).last == .giveUp)
    }

    @Test func nothingMayFollowTheSync() {
        #expect(actions([.sync, .end], to: PipelineState(steps: [])) == [.finish, .giveUp])
    }
}
