package import AMQP
import Candlepost
import ProgramRuntime

/// Publishes rows on a connection of its own, with confirms, until the broker has taken each of them.
package struct Republisher: Sendable {
    private let broker: AMQPConfiguration
    private let queue: QueueDeclaration
    private let interruption: Interruption
    private let say: @Sendable (String) -> Void
    private var publisher: AMQPPublisher
    private var backoff = Backoff(maximum: .seconds(2))
    private var isRefused = false
    package var encoder: MessageEncoder

    /// - Parameter say: gets what an operator should know meanwhile.
    package init(
        _ broker: AMQPConfiguration, queue: QueueDeclaration, interruption: Interruption,
        say: @escaping @Sendable (String) -> Void
    ) async throws(AMQPError) {
        self.broker = broker
        self.queue = queue
        self.interruption = interruption
        self.say = say
        publisher = try await AMQPPublisher.connect(broker, queue: queue, logger: Program.quietLogger)
        encoder = MessageEncoder(queue: queue.name)
    }

    /// Publishes rows of which no two are of the same market and kind, those that were not taken once more after a pause,
    /// and so on. Returns early if there is an interruption.
    /// - Parameter confirmed: called for each row that the broker confirmed, also when the call fails afterwards.
    package mutating func publish(_ rows: ArraySlice<OutboxRow>, confirmed: (OutboxRow) -> Void) async throws(AMQPError)
    {
        var rest = Array(rows)
        while let refusal = try await publishOnce(&rest, confirmed) {
            if !isRefused { say("\(refusal.reason): the rows that it did not take are sent again") }
            isRefused = true
            await interruption.sleep(for: backoff.next())
            if interruption.isRequested { return }
            if refusal.isQueueMissing { try await publisher.ensureQueue() }
        }
        if isRefused { say("\(queue.name) accepts messages again") }
        isRefused = false
        backoff.reset()
    }

    /// A new connection in place of one that the broker closed.
    package mutating func reconnect() async throws(AMQPError) {
        await publisher.close()
        publisher = try await AMQPPublisher.connect(broker, queue: queue, logger: Program.quietLogger)
    }

    package func close() async { await publisher.close() }

    /// Why rows were not taken.
    private struct Refusal {
        let reason: String
        let isQueueMissing: Bool

        static func refused(by queue: String) -> Refusal {
            Refusal(reason: "\(queue) refuses messages (is it full?)", isQueueMissing: false)
        }
    }

    /// Publishes and waits until each row is settled; those that were not taken are left.
    private func publishOnce(
        _ rows: inout [OutboxRow], _ confirmed: (OutboxRow) -> Void
    ) async throws(AMQPError) -> Refusal? {
        let tags = try await publisher.publish(encoder.encode(rows))
        var unsettled = rows.count
        var notTaken: [OutboxRow] = []
        var refusal: Refusal?
        while unsettled > 0 {
            for outcome in try await publisher.nextOutcomes() {
                switch outcome {
                case .confirmed(let settled):
                    for tag in settled { confirmed(rows[Int(tag - tags.lowerBound)]) }
                    unsettled -= settled.count
                case .refused(let settled):
                    for tag in settled { notTaken.append(rows[Int(tag - tags.lowerBound)]) }
                    unsettled -= settled.count
                    refusal = refusal ?? .refused(by: queue.name)
                case .returned(let tag, let code, let text):
                    notTaken.append(rows[Int(tag - tags.lowerBound)])
                    unsettled -= 1
                    refusal = Refusal(reason: "\(queue.name) is gone: \(code) \(text)", isQueueMissing: true)
                }
            }
        }
        rows = notTaken.sorted { $0.id < $1.id }
        return refusal
    }
}
