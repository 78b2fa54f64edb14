import AMQP
import Candlepost
import CoreMetrics
import Logging
import ProgramRuntime
import Records

/// Which input queues drop what comes back too often: looked at before they are consumed, for a writer that is lost returns
/// what it held.
actor QueueLimits {
    /// How often the broker is asked at most: each question costs a line in its log.
    private static let interval = Duration.seconds(60)

    private let settings: WriterSettings
    private let report: WriterReport
    private var limits: [String: DeliveryLimit] = [:]
    private var lastLook: ContinuousClock.Instant?

    private var policy: DeliveryLimitPolicy { settings.deliveryLimit }

    init(_ settings: WriterSettings, report: WriterReport) {
        self.settings = settings
        self.report = report
    }

    /// - Parameter kinds: those that are to be consumed, as indices into ``RecordKind/all``.
    /// - Returns: those that may be.
    func admitted(_ kinds: [Int], at now: ContinuousClock.Instant = .now) async -> [Int] {
        guard policy != .ignore else { return kinds }
        let isDue = lastLook.map { now - $0 >= Self.interval } ?? true
        let isNew = kinds.contains { limits[RecordKind.all[$0].queue] == nil }
        if isDue || isNew { await look(kinds, at: now) }
        guard policy == .refuse else { return kinds }
        return kinds.filter { !drops(RecordKind.all[$0].queue) }
    }

    private func drops(_ queue: String) -> Bool {
        if case .drops = limits[queue] { true } else { false }
    }

    /// Where the broker does not answer, consuming says so.
    private func look(_ kinds: [Int], at now: ContinuousClock.Instant) async {
        let queues = settings.queues(of: kinds)
        guard let states = try? await AMQPInspector.look(settings.broker, queues: queues, for: .looking).queues else {
            return
        }
        lastLook = now
        var warnings: [String] = []
        for state in states {
            let limit = await limit(of: state)
            let before = limits.updateValue(limit, forKey: state.name)
            Gauge(label: "candlepost_writer_queue_drops_returned", dimensions: [("queue", state.name)])
                .record(drops(state.name) ? 1 : 0)
            guard let warning = limit.warning(queue: state.name, virtualHost: virtualHost) else { continue }
            warnings.append("\(state.name) \(warning)")
            guard before != limit else { continue }
            report.logger.warning(
                "a queue drops messages that are redelivered too often",
                metadata: ["queue": "\(state.name)", "limit": "\(warning)"])
        }
        report.readiness.remark(.deliveryLimits, warnings)
        let refused = policy == .refuse ? states.filter { drops($0.name) }.map(\.name) : []
        let status: Readiness.Status =
            refused.isEmpty
            ? .ready : .notReady("not consumed, as WRITER_DELIVERY_LIMIT says: \(refused.joined(separator: ", "))")
        report.readiness.set(.deliveryLimits, status)
    }

    /// With what its policy says, where the management API is given, and answers.
    private func limit(of queue: AMQPInspector.QueueState) async -> DeliveryLimit {
        guard let management = settings.management, queue.exists else { return queue.deliveryLimit }
        do throws(ManagementAPI.Failure) {
            return queue.deliveryLimit(under: try await management.policy(of: queue.name, virtualHost: virtualHost))
        } catch {
            report.logger.warning(
                "the management API does not report policies",
                metadata: ["queue": "\(queue.name)", "error": "\(error)"])
            return queue.deliveryLimit
        }
    }

    private var virtualHost: String { settings.broker.endpoints.first?.virtualHost ?? "/" }
}
