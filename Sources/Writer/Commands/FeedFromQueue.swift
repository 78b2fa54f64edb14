import AMQP
import Candlepost
import ProgramRuntime

/// `writer feed --from-queue NAME`: what is in the queue is counted; with `--yes`, taken back.
struct FeedFromQueue {
    let queue: String
    let isConfirmed: Bool
    let rate: Double?

    /// - Throws: ``CommandExit`` if there is no such queue, no broker, or not everything could be moved.
    func run(_ settings: SettingsReader) async throws {
        let broker = try settings.broker(connectionName: "candlepost feed")
        let type = try settings.read(BrokerSettings.queueType)
        let count: Int
        do {
            let state = try await AMQPInspector.look(
                broker, queues: [QueueDeclaration(name: queue, type: type)], for: .consuming
            ).queues[0]
            guard state.exists else { throw CommandExit(.no, "there is no queue \(queue)") }
            count = state.messages
        } catch let error as AMQPError { throw CommandExit(.unavailable, "\(error)") }
        StandardStream.line("\(count) messages in \(queue)")
        guard count > 0 else { return }
        guard isConfirmed else { return StandardStream.line("Add --yes to take them back into their queues.") }
        let feed = QueueFeed(broker, from: queue, count: count, queueType: type, rate: rate)
        do { try await feed.run() } catch {
            await report(feed)
            let isAway = (error as? AMQPError)?.recovery == .retry
            throw CommandExit(
                isAway ? .unavailable : .no, "\(error); what is not acknowledged is still in \(queue): run this again")
        }
        await report(feed)
    }

    private func report(_ feed: QueueFeed) async {
        let outcome = await feed.outcome
        for (target, count) in outcome.moved.sorted(by: { $0.key < $1.key }) {
            StandardStream.line("\(count) to \(target)")
        }
        guard outcome.left > 0 else { return }
        StandardStream.line("\(outcome.left) left in \(queue): nothing says which queue they belong to")
    }
}
