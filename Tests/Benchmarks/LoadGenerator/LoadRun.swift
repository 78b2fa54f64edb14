import AMQP
import Glibc
import Logging
import Records

/// Publishes a plan, with at most two windows unconfirmed.
struct LoadRun {
    private static let window = 1000

    private var plan: LoadPlan
    private let rate: Double?
    private let broker: AMQPConfiguration?
    private var publishers: [Int: AMQPPublisher] = [:]
    /// Unconfirmed messages of each kind.
    private var open: [Int: Int] = [:]
    private(set) var report = LoadReport()

    /// - Parameter broker: nil to publish nothing.
    init(_ plan: LoadPlan, rate: Double?, broker: AMQPConfiguration?) {
        (self.plan, self.rate, self.broker) = (plan, rate, broker)
    }

    mutating func run() async throws {
        let begin = ContinuousClock.now
        let size = rate.map { max(1, min(Self.window, Int($0 / 20))) } ?? Self.window
        while case let batches = nextWindow(size), !batches.isEmpty {
            guard broker != nil else { continue }
            for (kind, batch) in batches {
                open[kind, default: 0] += batch.count
                _ = try await publisher(kind).publish(batch)
            }
            try await awaitConfirms(downTo: Self.window)
            if let rate { try await Task.sleep(until: begin + .seconds(Double(report.count) / rate)) }
        }
        try await awaitConfirms(downTo: 0)
        report.finish(begin.duration(to: .now))
        for publisher in publishers.values { await publisher.close() }
    }

    private mutating func nextWindow(_ size: Int) -> [Int: PublishBatch] {
        var batches: [Int: PublishBatch] = [:]
        let seconds = Int64(time(nil))
        for _ in 0..<size {
            guard let message = plan.next() else { break }
            report.add(message)
            let kind = RecordKind.all[message.kind]
            batches[
                message.kind, default: PublishBatch(queue: kind.queue, appID: "load", messages: size, bytesEach: 400)
            ]
            .append(id: Int64(report.count), type: kind.name, timestamp: seconds, body: message.body.span)
        }
        return batches
    }

    private mutating func awaitConfirms(downTo limit: Int) async throws {
        while open.values.reduce(0, +) > limit, let kind = open.max(by: { $0.value < $1.value })?.key {
            for outcome in try await publisher(kind).nextOutcomes() {
                guard case .confirmed(let tags) = outcome else { throw NotTaken(queue: RecordKind.all[kind].queue) }
                open[kind, default: 0] -= tags.count
            }
        }
    }

    private mutating func publisher(_ kind: Int) async throws -> AMQPPublisher {
        if let publisher = publishers[kind] { return publisher }
        let queue = QueueDeclaration(name: RecordKind.all[kind].queue, type: .classic)
        let publisher = try await AMQPPublisher.connect(
            broker!, queue: queue, logger: Logger(label: "load") { _ in SwiftLogNoOpLogHandler() })
        publishers[kind] = publisher
        return publisher
    }
}

private struct NotTaken: Error, CustomStringConvertible {
    let queue: String
    var description: String { "\(queue) does not take messages" }
}

/// What was sent.
struct LoadReport {
    private(set) var count = 0
    private var kinds = [Int](repeating: 0, count: RecordKind.all.count)
    private var fates: [LoadMessage.Fate: Int] = [:]
    private var seconds = 0.0

    mutating func add(_ message: LoadMessage) {
        count += 1
        kinds[message.kind] += 1
        fates[message.fate, default: 0] += 1
    }

    mutating func finish(_ duration: Duration) { seconds = duration / .seconds(1) }

    /// One line.
    var json: String {
        let cpu = Double(clock()) / Double(CLOCKS_PER_SEC)
        let kinds = RecordKind.all.enumerated().map { "\"\($1.name)\":\(self.kinds[$0])" }
        let reasons = Refusal.Reason.allCases.compactMap { reason in
            fates[.quarantined(reason)].map { "\"\(reason.rawValue)\":\($0)" }
        }
        return """
            {"sent":\(count),"seconds":\(rounded(seconds)),"per_second":\(rate(seconds)),\
            "cpu_seconds":\(rounded(cpu)),"per_cpu_second":\(rate(cpu)),\
            "kinds":{\(kinds.joined(separator: ","))},\
            "fates":{"stored":\(fates[.stored] ?? 0),"duplicate":\(fates[.duplicate] ?? 0),\
            "conflicting":\(fates[.conflicting] ?? 0),"quarantined":{\(reasons.joined(separator: ","))}}}
            """
    }

    private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

    private func rate(_ seconds: Double) -> Int { seconds > 0 ? Int(Double(count) / seconds) : 0 }
}
