import AMQP
import Records

/// Queues that end the connection of whoever consumes them, as RabbitMQ does for a quorum queue without a majority of its copies
/// (541), without saying which: left out, so that the others flow, and tried on connections of their own until they can be
/// consumed.
actor LeftOutQueues {
    /// The first pause between two tries, and the longest.
    private static let pauses = Duration.seconds(1)...Duration.seconds(30)

    private let settings: WriterSettings
    private let watch: QueueWatch
    private var names: Set<String> = []

    init(_ settings: WriterSettings, watch: QueueWatch) {
        self.settings = settings
        self.watch = watch
    }

    /// - Parameter kinds: as indices into ``RecordKind/all``.
    /// - Returns: those whose queues are not left out.
    func others(_ kinds: [Int]) -> [Int] { kinds.filter { !names.contains(RecordKind.all[$0].queue) } }

    /// Looks for the queues that have ended a connection.
    /// - Returns: whether some are left out because of it.
    func look(after error: any Error) async -> Bool {
        guard (error as? AMQPError)?.endsConnectionForOneQueue == true else { return false }
        var isFound = false
        for queue in settings.queues(of: others(settings.kinds)) {
            guard let failure = await failure(of: queue), failure.endsConnectionForOneQueue else { continue }
            names.insert(queue.name)
            watch.note(queue.name, failure)
            isFound = true
        }
        return isFound
    }

    /// Waits until one of them can be consumed again, if there are any; which is then left out no more.
    /// - Throws: `CancellationError`.
    func awaitReturn() async throws {
        var pause = Self.pauses.lowerBound
        while true {
            try await Task.sleep(for: names.isEmpty ? .seconds(3600) : pause)
            var returned: Set<String> = []
            for queue in settings.queues where names.contains(queue.name) {
                if await failure(of: queue) == nil { returned.insert(queue.name) }
            }
            names.subtract(returned)
            guard returned.isEmpty else { return }
            pause = min(pause * 2, Self.pauses.upperBound)
        }
    }

    /// What ends a connection that consumes the queue; what closes a channel ends none.
    private func failure(of queue: QueueDeclaration) async -> AMQPError? {
        do throws(AMQPError) {
            _ = try await AMQPInspector.look(settings.broker, queues: [queue], for: .consuming)
            return nil
        } catch {
            return error
        }
    }
}

extension AMQPError {
    /// INTERNAL_ERROR, of the connection.
    fileprivate var endsConnectionForOneQueue: Bool { kind == .closedByBroker(541) }
}
