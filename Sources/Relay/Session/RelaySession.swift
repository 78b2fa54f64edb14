import AMQP
import Outbox
import Postgres
import ProgramRuntime

/// Start reading here: the whole path of an event through the relay is the loop in ``relay(_:)``.
///
///     wake (doorbell or poll) ─► read the log by lanes ─► publish a window ─► record what was confirmed
///
/// ``SessionState`` decides, this does it. A session lives as long as its connections do: the next one, or the next process, goes on
/// where the ledger ends.
actor RelaySession {
    nonisolated let connections: RelayConnections
    private let settings: RelaySettings
    private let report: RelayReport
    private var inbox = EventInbox()
    private var state: SessionState
    var encoder: MessageEncoder
    private var isFinished = false
    /// By which relays count one another.
    let presence = Int32.random(in: 1 ... .max)

    /// The thread of the publisher, so that from confirm to next publish nobody has to be woken.
    nonisolated var unownedExecutor: UnownedSerialExecutor { connections.publisher.unownedExecutor }

    /// What is known of rows that the broker rejects, for the next session.
    var poison: PoisonRows { state.poison }

    /// - Parameter poison: what the session before learned of rows that the broker rejects.
    init(
        _ connections: RelayConnections, settings: RelaySettings, report: RelayReport, poison: PoisonRows
    ) {
        self.connections = connections
        self.settings = settings
        self.report = report
        state = SessionState(
            windowSize: settings.windowSize,
            unconfirmed: UnconfirmedLimit(most: settings.unconfirmedPerMarket, isTrusted: !connections.queueRejects),
            poison: poison, at: .now)
        encoder = MessageEncoder(queue: settings.queue.name)
    }

    /// Relays until the program is to stop, and returns when all that was published is recorded.
    /// - Throws: the error that ended a connection; what was confirmed until then is recorded if that is possible.
    func run() async throws {
        try await connections.ledger.announcePresence(key: presence)
        let failure = await withDiscardingTaskGroup(returning: (any Error)?.self) { tasks in
            let post = EventPost(self)
            WakeUps(connections: connections, settings: settings, report: report).start(&tasks, post)
            post.watch(&tasks) { _ in try await self.awaitOutcomes() }
            defer { tasks.cancelAll() }
            do {
                try await relay(&tasks)
                return nil
            } catch {
                // Said at once, as the end may take as long as PostgreSQL's answer: what is being recorded is awaited. Nothing else is.
                report.failed(error)
                tasks.cancelAll()
                await connections.log.close()
                await connections.publisher.close()
                return error
            }
        }
        try await leave(failure)
    }

    /// The path of an event.
    private func relay(_ tasks: inout DiscardingTaskGroup) async throws {
        while !isFinished, let event = try await nextEvent() {
            let now = ContinuousClock.now
            state.receive(event, at: now)  // wake, or learn what became of what was begun
            for action in state.nextActions(at: now) { try await perform(action, &tasks) }
        }
    }

    /// - Returns: nil when the task is cancelled.
    private func nextEvent() async throws -> SessionEvent? {
        while !Task.isCancelled {
            if let event = try inbox.take() { return event }
            await withTaskCancellationHandler {
                await withCheckedContinuation { inbox.wait($0) }
            } onCancel: {
                Task { await self.wake() }
            }
        }
        return nil
    }

    func receive(_ event: SessionEvent) { inbox.add(event) }
    func fail(_ error: any Error) { inbox.fail(error) }
    private func wake() { inbox.wake() }

    private func perform(_ action: SessionAction, _ tasks: inout DiscardingTaskGroup) async throws {
        switch action {
        case .publish(let rows, let firstTag): try await publish(rows, firstTag)
        case .begin(let work): EventPost(self).perform(&tasks) { try await self.answer(to: work) }
        case .say(let news): report.say(news)
        case .giveUp(let error): throw error
        case .finish: isFinished = true
        }
    }

    private func publish(_ rows: [Departure], _ firstTag: UInt64) async throws {
        Failpoint.reach("relay.claimed")
        let tags = try await connections.publisher.publish(encoder.encode(rows))
        precondition(tags.lowerBound == firstTag, "delivery tags must follow one another")
        Failpoint.reach("relay.published")
    }

    private func awaitOutcomes() async throws {
        while true {
            receive(.settled(try await connections.publisher.nextOutcomes()))
            Failpoint.reach("relay.confirmed")
        }
    }

    private func leave(_ failure: (any Error)?) async throws {
        if let failure {
            var rest: [SessionEvent] = []
            while let event = try? inbox.take() { rest.append(event) }
            let entries = state.fail(failure, rest: rest)
            if !entries.isEmpty { try? await connections.ledger.record(entries) }
            throw failure
        }
        try await connections.ledger.release(state.window.ownedNumbers, clean: state.window.cleanNumbers)
        try await report.leave(connections.ledger.connection)
    }
}
