import AMQP
import ArgumentParser
import Candlepost
import Glibc
import Outbox
import Postgres
import ProgramRuntime
import Quarantine
import Schema
import Synchronization

/// Acts that were planned, and those that are at work here: every browser sees how far they are.
final class Acting: Sendable {
    /// An act that was begun here.
    struct Work: Sendable {
        let id: String
        let kind: ActKind
        let name: String
        let count: Int
        let start: ContinuousClock.Instant
        /// Its number in `outbox_acts`; nil for acts on the quarantine, and before it has begun.
        var act: Int64?
        var done = 0
        /// What came of it, in a sentence; nil while it is at work.
        var ending: String?
        var hasFailed = false
        /// What an operator should know meanwhile.
        var remark: String?
    }

    private struct State {
        var plans: [String: ActPlan] = [:]
        var works: [Work] = []
        var interruptions: [String: Interruption] = [:]
    }

    private static let mostPlans = 200
    private static let mostWorks = 100
    /// Messages of the quarantine are tried in pieces, so that progress shows and a stop is heard.
    private static let piece = 200

    let settings: ConsoleSettings.Acting
    private let state = Mutex(State())

    init(_ settings: ConsoleSettings.Acting) { self.settings = settings }

    // MARK: plans

    func plan(_ kind: ActKind, _ fields: FormFields, by name: String) async throws -> ActPlan {
        let plan = try await withConnection { try await ActCount.plan(kind, fields, by: name, on: $0) }
        state.withLock { state in
            state.plans = state.plans.filter { $0.value.end > .now }
            if state.plans.count >= Self.mostPlans, let oldest = state.plans.min(by: { $0.value.end < $1.value.end }) {
                state.plans[oldest.key] = nil
            }
            state.plans[plan.id] = plan
        }
        return plan
    }

    func plan(_ id: String) -> ActPlan? { state.withLock { $0.plans[id] }.flatMap { $0.end > .now ? $0 : nil } }

    // MARK: works

    /// The newest first.
    var works: [Work] { state.withLock { $0.works } }

    func work(_ id: String) -> Work? { state.withLock { state in state.works.first { $0.id == id } } }

    /// Stops an act: what is on its way is awaited, what was done is recorded.
    func stop(_ id: String) { state.withLock { $0.interruptions[id] }?.request(SIGTERM) }

    /// Stops all, at the end of the program.
    func stopAll() {
        for interruption in state.withLock({ Array($0.interruptions.values) }) { interruption.request(SIGTERM) }
    }

    /// Begins what was planned.
    func begin(_ plan: ActPlan, why: String, actor: String) {
        guard state.withLock({ $0.plans.removeValue(forKey: plan.id) }) != nil else { return }
        begin(Work(id: plan.id, kind: plan.kind, name: plan.name, count: plan.count, start: .now)) { interruption in
            try await self.run(plan, why: why, actor: actor, interruption)
        }
    }

    /// Goes on with a replay that was interrupted.
    /// - Returns: the number of the work.
    func goOn(with act: Int64, count: Int, by name: String) -> String {
        var work = Work(id: Sessions.random(), kind: .replay, name: name, count: count, start: .now)
        work.act = act
        let id = work.id
        begin(work) { interruption in
            try await self.withConnection { connection in
                let plan = ReplayPlan(rows: try LimitedFilter.parse([]), continued: act)
                let (cursor, begin) = try await plan.open(connection)
                return try await self.replay(cursor, begin, rate: 500, id, interruption)
            }
        }
        return id
    }

    private func begin(_ work: Work, _ body: @escaping @Sendable (Interruption) async throws -> String) {
        let interruption = Interruption()
        state.withLock { state in
            state.works = [work] + state.works.prefix(Self.mostWorks - 1)
            state.interruptions[work.id] = interruption
        }
        Task {
            let (ending, hasFailed): (String, Bool)
            do {
                (ending, hasFailed) = (try await body(interruption), false)
            } catch {
                (ending, hasFailed) = ("\((error as? PageError)?.sentence ?? "\(error)")", true)
            }
            change(work.id) { work in
                work.ending = ending
                work.hasFailed = hasFailed
                work.remark = nil
            }
            state.withLock { $0.interruptions[work.id] = nil }
        }
    }

    private func change(_ id: String, _ change: (inout Work) -> Void) {
        state.withLock { state in
            guard let place = state.works.firstIndex(where: { $0.id == id }) else { return }
            change(&state.works[place])
        }
    }

    // MARK: what they do

    func withConnection<T: Sendable>(_ work: @Sendable (PostgresConnection) async throws -> T) async throws -> T {
        let connection = try await Database.connect(settings.database, logger: Program.quietLogger)
        do {
            let value = try await work(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }

    private func run(
        _ plan: ActPlan, why: String, actor: String, _ interruption: Interruption
    ) async throws -> String {
        try await withConnection { connection in
            guard !plan.kind.isOfQuarantine else {
                return try await self.messages(plan, why: why, actor: actor, interruption, connection)
            }
            let filter = try Filters.outbox(plan.fields)
            let cursor = try await ActCount.cursor(plan.kind, filter, connection)
            try Self.requireSame(plan, cursor.count)
            let act: ActRecord.Act =
                switch plan.kind {
                case .retry: .retried
                case .discard: .discarded
                case .supersede: .superseded
                default: .replayed
                }
            let begin: ReplayPlan.Begin = {
                try await ActRecord.begin(
                    act, selection: filter.words, rows: cursor.count, by: actor, why: why, on: connection)
            }
            switch plan.kind {
            case .discard:
                let done = try await ParkedDiscard(
                    record: try await self.begun(plan.id, begin), cursor: cursor, reason: why
                ).run()
                return "\(Figures.grouped(done)) rows are discarded."
            case .supersede:
                let done = try await Supersede(
                    record: try await self.begun(plan.id, begin), cursor: cursor, reason: why
                ).run {
                    [self] rows in change(plan.id) { $0.done += rows }
                }
                return "\(Figures.grouped(done)) rows are superseded."
            case .retry:
                let republisher = try await self.republisher(plan.id, interruption)
                var retry = ParkedRetry(
                    record: try await self.begun(plan.id, begin), cursor: cursor, republisher: republisher,
                    interruption: interruption)
                let ending = try await retry.run()
                return
                    "\(Figures.grouped(ending.done)) are published, \(Figures.grouped(ending.stillParked)) stay parked"
                    + (ending.interruptedBy == nil ? "." : "; it was stopped before the others.")
            default:
                return try await self.replay(cursor, begin, rate: plan.rate, plan.id, interruption)
            }
        }
    }

    /// What was shown is what is done, or nothing is.
    private static func requireSame(_ plan: ActPlan, _ count: Int) throws(PageError) {
        guard count != plan.count else { return }
        throw .wrong(
            "Nothing was done: \(Figures.grouped(plan.count)) \(plan.kind.unit) were shown, and now there are \(Figures.grouped(count)). Count again."
        )
    }

    private func begun(_ id: String, _ begin: ReplayPlan.Begin) async throws -> ActRecord {
        let record = try await begin()
        change(id) { $0.act = record.id }
        return record
    }

    private func republisher(_ id: String, _ interruption: Interruption) async throws -> Republisher {
        guard let broker = settings.broker else {
            throw PageError.wrong("This console has no AMQP_URL, by which rows are published.")
        }
        return try await Republisher(broker, queue: settings.queue, interruption: interruption) { [self] remark in
            change(id) { $0.remark = remark }
        }
    }

    private func replay(
        _ cursor: RowCursor, _ begin: @escaping ReplayPlan.Begin, rate: Int, _ id: String, _ interruption: Interruption
    ) async throws -> String {
        let republisher = try await republisher(id, interruption)
        let record = try await begun(id, begin)
        var replay = Replay(
            record, cursor, republisher: republisher, rate: rate, interruption: interruption, showsProgress: false)
        let ending = try await replay.run()
        let done = "\(Figures.grouped(ending.done)) events are published again"
        return ending.interruptedBy == nil ? done + "." : done + "; it was stopped before the others, and can go on."
    }

    private func messages(
        _ plan: ActPlan, why: String, actor: String, _ interruption: Interruption, _ connection: PostgresConnection
    ) async throws -> String {
        let ids = try await ActCount.ids(plan.fields, connection)
        try Self.requireSame(plan, ids.count)
        let retry = QuarantineRetry(
            connection: connection, maximumMessageBytes: settings.maximumMessageBytes, act: "requeued", actedBy: actor,
            why: why)
        var (outcome, discarded, done) = (QuarantineRetry.Outcome(), 0, 0)
        for start in stride(from: 0, to: ids.count, by: Self.piece) where !interruption.isRequested {
            let piece = Array(ids[start..<min(ids.count, start + Self.piece)])
            if plan.kind == .requeue {
                outcome += try await retry.run(piece)
            } else {
                discarded += try await QuarantineDiscard.run(piece, actedBy: actor, why: why, connection)
            }
            done += piece.count
            change(plan.id) { $0.done = done }
        }
        let rest = done < ids.count ? " It was stopped before the other \(Figures.grouped(ids.count - done))." : ""
        return plan.kind == .requeue
            ? "Stored \(Figures.grouped(outcome.stored)), duplicate \(Figures.grouped(outcome.duplicate)), still refused \(Figures.grouped(outcome.refused)).\(rest)"
            : "Discarded \(Figures.grouped(discarded)).\(rest)"
    }
}
