import Synchronization

/// What a program needs to do its work, and whether it is there; `/readyz` answers from it.
public final class Readiness: Sendable {
    /// Whether one thing is there.
    public enum Status: Sendable, Equatable {
        case ready
        /// Not there, and why, in a few words that hold no secret.
        case notReady(String)
    }

    /// A thing, whether it is there, and since when.
    public struct Condition: Sendable, Equatable {
        /// The name it was declared with.
        public let name: String
        /// Whether it is there.
        public internal(set) var status: Status
        /// When it last came or went; a change of the reason alone leaves it.
        public internal(set) var since: ContinuousClock.Instant
        /// When it is worth a line again that it is not there.
        var due: ContinuousClock.Instant?
        /// The pause before the next such line.
        var pause = Readiness.firstPause
    }

    /// All conditions at one moment.
    public struct Snapshot: Sendable, Equatable {
        /// In the order in which they were declared.
        public let conditions: [Condition]
        /// Whether the program is finishing its work and takes no more.
        public let isDraining: Bool

        /// What is worth knowing, though it does not stop the program: a line each.
        public let remarks: [String]

        /// Whether everything is there and the program takes work.
        public var isReady: Bool { !isDraining && conditions.allSatisfy { $0.status == .ready } }

        /// What is missing and why, without for how long.
        var reasons: [String] {
            conditions.compactMap { condition in
                guard case .notReady(let reason) = condition.status else { return nil }
                return "\(condition.name): \(SafeText.oneLine(reason, limit: 200))"
            }
        }

        /// One line for each thing that is missing: `postgres: connection refused, retrying for 12 s`.
        public func missing(at now: ContinuousClock.Instant) -> [String] {
            (isDraining ? ["draining"] : [])
                + conditions.compactMap { condition in
                    guard case .notReady(let reason) = condition.status else { return nil }
                    let seconds = max(0, (now - condition.since).components.seconds)
                    return "\(condition.name): \(SafeText.oneLine(reason, limit: 200)), retrying for \(seconds) s"
                }
        }
    }

    fileprivate static let firstPause = Duration.seconds(10)
    fileprivate static let longestPause = Duration.seconds(600)

    private struct State {
        var conditions: [Condition] = []
        var isDraining = false
        var remarks: [(about: ConditionName, lines: [String])] = []
    }

    private let state = Mutex(State())

    /// Ready, until things are declared that must be there.
    public init() {}

    /// Adds things that must be there; until they are set they are not, because they are "starting".
    public func declare(_ names: ConditionName..., at now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            for name in names where !state.conditions.contains(where: { $0.name == name.description }) {
                state.conditions.append(Condition(name: name.description, status: .notReady("starting"), since: now))
            }
        }
    }

    /// Says whether a thing is there.
    /// - Parameter name: Declared before.
    /// - Returns: Whether it is worth a log line: it came or went by this; or it is still away, and was not said to be for a
    ///   while: at once after the start, then after pauses that double, from 10 seconds up to 10 minutes.
    @discardableResult
    public func set(_ name: ConditionName, _ status: Status, at now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            guard let place = state.conditions.firstIndex(where: { $0.name == name.description }) else {
                preconditionFailure("\(name) was not declared")
            }
            let changed = (state.conditions[place].status == .ready) != (status == .ready)
            state.conditions[place].status = status
            if changed { state.conditions[place].since = now }
            return state.conditions[place].isWorthALine(changed: changed, at: now)
        }
    }

    /// Says what is worth knowing and makes nothing unready; the lines take the place of those about the same thing before.
    public func remark(_ about: ConditionName, _ lines: [String]) {
        state.withLock { state in
            state.remarks.removeAll { $0.about == about }
            if !lines.isEmpty { state.remarks.append((about, lines)) }
        }
    }

    /// The program takes no more work from now on.
    public func startDraining() {
        state.withLock { $0.isDraining = true }
    }

    /// For each condition whether it holds, as 1 or 0.
    public var gauges: [(String, Double)] {
        snapshot.conditions.map { ($0.name, $0.status == .ready ? 1 : 0) }
    }

    /// All conditions now.
    public var snapshot: Snapshot {
        state.withLock { state in
            Snapshot(
                conditions: state.conditions, isDraining: state.isDraining,
                remarks: state.remarks.flatMap { remark in
                    remark.lines.map { "\(remark.about): \(SafeText.oneLine($0, limit: 500))" }
                })
        }
    }
}

extension Readiness.Condition {
    /// Decides whether to say how it is, and when next.
    fileprivate mutating func isWorthALine(changed: Bool, at now: ContinuousClock.Instant) -> Bool {
        guard status != .ready else {
            (due, pause) = (nil, Readiness.firstPause)
            return changed
        }
        if !changed, let due, now < due { return false }
        due = now + pause
        pause = min(pause * 2, Readiness.longestPause)
        return true
    }
}
