import Synchronization

/// Who is signed in. Kept in memory alone: when the console starts anew, people sign in anew.
final class Sessions: Sendable {
    struct Session: Sendable {
        let name: String
        /// What forms of this session carry, so that no other page can send one.
        let forgeryToken: String
        let end: ContinuousClock.Instant
    }

    private static let most = 1000
    private static let length = Duration.seconds(12 * 3600)

    private struct State {
        /// By their secret, which the cookie holds.
        var sessions: [String: Session] = [:]
        /// Of people whom a proxy names, by name.
        var forgeryTokens: [String: String] = [:]
        var failures: [ContinuousClock.Instant] = []
    }

    private let state = Mutex(State())

    /// - Returns: the secret for the cookie.
    func begin(_ name: String, at now: ContinuousClock.Instant = .now) -> String {
        let secret = Self.random()
        state.withLock { state in
            state.sessions = state.sessions.filter { $0.value.end > now }
            if state.sessions.count >= Self.most, let oldest = state.sessions.min(by: { $0.value.end < $1.value.end }) {
                state.sessions[oldest.key] = nil
            }
            state.sessions[secret] = Session(name: name, forgeryToken: Self.random(), end: now + Self.length)
        }
        return secret
    }

    func find(_ secret: String, at now: ContinuousClock.Instant = .now) -> Session? {
        state.withLock { $0.sessions[secret] }.flatMap { $0.end > now ? $0 : nil }
    }

    func end(_ secret: String) { state.withLock { $0.sessions[secret] = nil } }

    /// The token of somebody whom a proxy names.
    func forgeryToken(of name: String) -> String {
        state.withLock { state in
            if let known = state.forgeryTokens[name] { return known }
            if state.forgeryTokens.count >= Self.most { state.forgeryTokens = [:] }
            let token = Self.random()
            state.forgeryTokens[name] = token
            return token
        }
    }

    /// Notes a wrong token.
    func noteFailure(at now: ContinuousClock.Instant = .now) {
        state.withLock { $0.failures = $0.failures.suffix(99) + [now] }
    }

    /// Whether so many wrong tokens came lately that nobody is let in for the moment.
    func isUnderAttack(at now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in state.failures.count(where: { now - $0 < .seconds(60) }) >= 30 }
    }

    /// 256 bits of the system's random generator.
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in String(generator.next() as UInt64, radix: 36) }.joined()
    }
}
