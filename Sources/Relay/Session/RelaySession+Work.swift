import AMQP
import EventLoop
import Outbox
import Postgres

extension RelaySession {
    /// Does what takes time.
    /// - Returns: the event that it ends with.
    func answer(to work: SessionWork) async throws -> SessionEvent {
        let ledger = connections.ledger
        switch work {
        case .read(let requests):
            let answer = try await OutboxReader.read(requests, connections.log)
            return .read(answer.rows(&encoder))
        case .record(let entries):
            let refusal = try await ledger.tryToRecord(entries)
            return refusal.map { .notRecorded(reason: $0) } ?? .recorded(entries)
        case .waitForLedger(let pause):
            try await PollThread.sleep(for: pause)
            return .recordAgain
        case .countRelays: return .counted(try await ledger.countRelays(key: presence))
        case .claim(let lanes, let limit): return .claimed(try await ledger.claim(lanes, limit: limit))
        case .release(let lanes, let clean):
            try await ledger.release(lanes, clean: clean)
            return .released
        case .park(let rows):
            try await ledger.park(rows)
            return .parked
        case .wait(let lane, let claim, let pause):
            try await PollThread.sleep(for: pause)
            return .resume(lane: lane, claim: claim)
        case .ensureQueue:
            try await connections.publisher.ensureQueue()
            return .queueIsThere
        }
    }
}
