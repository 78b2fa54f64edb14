import AMQP
import Outbox
import ProgramRuntime

/// Rows whose publishing made the broker end the connection, as one that is too large does. What a session learns is handed
/// to the next one, which publishes the rows in question one at a time: so the one at fault is found, and is parked
/// after ``attempts`` of its own.
struct PoisonRows: Sendable {
    /// A row that is to be parked.
    struct Row: Sendable, Equatable {
        let id: Int64
        let lane: Int
        let attempts: Int32
        let reason: String
        /// The trace of its event, if it has one.
        let trace: TraceContext?
    }

    /// A row on its way when a session ended.
    typealias InFlight = (lane: Int, id: Int64, trace: TraceContext?)

    private struct Candidate {
        let lane: Int
        let trace: TraceContext?
        var attempts: Int32 = 0
        var reason = ""
    }

    /// How often a row may fail alone before it is parked.
    static let attempts: Int32 = 3

    private var candidates: [Int64: Candidate] = [:]

    /// Whether rows of these lanes have to be published one at a time for now.
    func areIn(_ lanes: @autoclosure () -> [Int]) -> Bool {
        guard !candidates.isEmpty else { return false }
        let lanes = lanes()
        return candidates.values.contains { lanes.contains($0.lane) }
    }

    /// A session ended while rows were on their way.
    mutating func note(_ error: any Error, inFlight: [InFlight]) {
        guard let error = error as? AMQPError, let code = error.brokerCode, RowFault.codes.contains(code) else {
            return
        }
        for row in inFlight where candidates[row.id] == nil {
            candidates[row.id] = Candidate(lane: row.lane, trace: row.trace)
        }
        guard inFlight.count == 1 else { return }
        candidates[inFlight[0].id]!.attempts += 1
        candidates[inFlight[0].id]!.reason = error.message
    }

    /// The attempt that comes next, from 1 on.
    func attempt(_ id: Int64) -> Int32 { 1 + (candidates[id]?.attempts ?? 0) }

    /// The broker bears the row, or it needs not be published any more.
    mutating func clear(_ id: Int64) { candidates[id] = nil }

    /// The ledger of the lane reaches up to this row.
    mutating func clear(lane: Int, upTo id: Int64) {
        guard !candidates.isEmpty else { return }
        candidates = candidates.filter { $0.value.lane != lane || $0.key > id }
    }

    /// Whoever has the lanes now finds out by himself.
    mutating func keepOnly(lanes: Set<Int>) { candidates = candidates.filter { lanes.contains($0.value.lane) } }

    /// The rows of a lane that are to be parked; they are candidates no longer.
    mutating func takeFound(lanes: Set<Int>) -> [Row] {
        let found = candidates.filter { lanes.contains($0.value.lane) && $0.value.attempts >= Self.attempts }
        for id in found.keys { candidates[id] = nil }
        return found.map { id, candidate in
            Row(
                id: id, lane: candidate.lane, attempts: candidate.attempts, reason: candidate.reason,
                trace: candidate.trace)
        }.sorted { $0.id < $1.id }
    }
}
