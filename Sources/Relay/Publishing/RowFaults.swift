import AMQP
import Outbox
import Service

/// Rows whose publishing made the broker end the connection, as one that is too large does. What a session learns is handed
/// to the next one, which publishes the rows in question one at a time: so the one at fault is found, and is parked
/// after ``attempts`` of its own.
struct RowFaults: Sendable {
    /// A row that is to be parked.
    struct Culprit: Sendable, Equatable {
        let id: Int64
        let lane: Int
        let attempts: Int32
        let reason: String
        /// The trace of its event, if it has one.
        let trace: TraceContext?
    }

    /// A row on its way when a session ended.
    typealias InFlight = (lane: Int, id: Int64, trace: TraceContext?)

    private struct Suspect {
        let lane: Int
        let trace: TraceContext?
        var attempts: Int32 = 0
        var reason = ""
    }

    /// How often a row may fail alone before it is parked.
    static let attempts: Int32 = 3

    private var suspects: [Int64: Suspect] = [:]

    /// Whether rows of these lanes have to be published one at a time for now.
    func areIn(_ lanes: @autoclosure () -> [Int]) -> Bool {
        guard !suspects.isEmpty else { return false }
        let lanes = lanes()
        return suspects.values.contains { lanes.contains($0.lane) }
    }

    /// A session ended while rows were on their way.
    mutating func note(_ error: any Error, inFlight: [InFlight]) {
        guard let error = error as? AMQPError, let code = error.brokerCode, RowFault.codes.contains(code) else {
            return
        }
        for row in inFlight where suspects[row.id] == nil {
            suspects[row.id] = Suspect(lane: row.lane, trace: row.trace)
        }
        guard inFlight.count == 1 else { return }
        suspects[inFlight[0].id]!.attempts += 1
        suspects[inFlight[0].id]!.reason = error.message
    }

    /// The attempt that comes next, from 1 on.
    func attempt(_ id: Int64) -> Int32 { 1 + (suspects[id]?.attempts ?? 0) }

    /// The broker bears the row, or it needs not be published any more.
    mutating func acquit(_ id: Int64) { suspects[id] = nil }

    /// The ledger of the lane reaches up to this row.
    mutating func acquit(lane: Int, upTo id: Int64) {
        guard !suspects.isEmpty else { return }
        suspects = suspects.filter { $0.value.lane != lane || $0.key > id }
    }

    /// Whoever has the lanes now finds out by himself.
    mutating func keepOnly(lanes: Set<Int>) { suspects = suspects.filter { lanes.contains($0.value.lane) } }

    /// The rows of a lane that are to be parked; they are no suspects any more.
    mutating func takeCulprits(lanes: Set<Int>) -> [Culprit] {
        let culprits = suspects.filter { lanes.contains($0.value.lane) && $0.value.attempts >= Self.attempts }
        for id in culprits.keys { suspects[id] = nil }
        return culprits.map { id, suspect in
            Culprit(
                id: id, lane: suspect.lane, attempts: suspect.attempts, reason: suspect.reason, trace: suspect.trace)
        }.sorted { $0.id < $1.id }
    }
}
