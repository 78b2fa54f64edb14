import Records
import Synchronization
import TestSupport

/// What is published while faults are injected: good records at the plan's rate, and on request what is not so good.
final class ChaosLoad: Sendable {
    /// What is mixed in.
    enum Addition: Hashable, Sendable {
        /// Messages that can't be records.
        case poison
        /// Records that came before, with the same content and with other.
        case replicas
        /// Headers that nobody should send.
        case hostileHeaders
        /// Records of a megabyte.
        case large
    }

    private struct State {
        var additions: Set<Addition> = []
        var isPaused = false
        var isResting = false
    }

    private let plan: ChaosPlan
    private let collector: Collector
    private let state = Mutex(State())

    init(_ plan: ChaosPlan, _ collector: Collector) { (self.plan, self.collector) = (plan, collector) }

    /// Publishes until the task is cancelled, 300 messages at the least.
    func run() async throws {
        var records = ChaosRecords(plan)
        while !Task.isCancelled || collector.confirmedCount < 300 {
            let now = state.withLock { state in
                state.isResting = state.isPaused
                return state
            }
            guard !now.isPaused || Task.isCancelled else {
                try? await Task.sleep(for: .milliseconds(20))
                continue
            }
            try await collector.publish(
                records.next(plan.rate / 10, now.additions), rate: plan.rate,
                headers: now.additions.contains(.hostileHeaders) ? .hostile : .none)
        }
    }

    /// Publishes nothing while `body` runs; what was under way is confirmed before.
    func paused<R>(_ body: () async throws -> R) async throws -> R {
        state.withLock { $0.isPaused = true }
        defer { state.withLock { ($0.isPaused, $0.isResting) = (false, false) } }
        try await eventually("the load rests", within: .seconds(130)) { state.withLock { $0.isResting } }
        return try await body()
    }

    /// Mixes something in while `body` runs.
    func adding<R>(_ addition: Addition, _ body: () async throws -> R) async throws -> R {
        state.withLock { _ = $0.additions.insert(addition) }
        defer { state.withLock { _ = $0.additions.remove(addition) } }
        return try await body()
    }
}

/// The messages of a round, in the order in which they are sent.
struct ChaosRecords {
    private let markets: Int
    private let hasAllKinds: Bool
    private var candles: Candles
    private var random: SeededGenerator
    private var made = 0
    /// Some of what was sent, to be sent again.
    private var recent: [Message] = []

    init(_ plan: ChaosPlan) {
        markets = plan.markets
        hasAllKinds = plan.hasAllKinds
        candles = Candles(markets: plan.markets, seed: plan.seed)
        random = SeededGenerator(seed: plan.seed ^ 0x10AD)
    }

    mutating func next(_ count: Int, _ additions: Set<ChaosLoad.Addition> = []) -> [Message] {
        var messages = candles.next(hasAllKinds ? count / 2 : count)
        if hasAllKinds { for _ in messages.indices { messages.append(otherKind()) } }
        let last = recent
        recent = Array(messages.shuffled(using: &random).prefix(10))
        if additions.contains(.replicas) { messages += replicas(of: last) }
        if additions.contains(.poison) { messages += poison() }
        if additions.contains(.large) { messages.append(large()) }
        return messages
    }

    private mutating func otherKind() -> Message {
        let place = made / 4
        let start = 1_702_305_540_000 + Int64(place / markets) * 60_000
        let (kind, fields) = [
            (RecordKind.orderBook, #""bids":[[\#(1 + made),0.25]],"asks":[]"#),
            (.ticker, #""high":\#(1 + made),"low":null,"vwap":1e-8"#),
            (.trade, #""tradesInfo":[[1,\#(1 + made),0.5,\#(start + 1000)]]"#),
            (.exchangeRate, #""poolASize":"\#(1 + made).000000000000000001","poolBSize":2,"exchangeRate":"0.10""#),
        ][made % 4]
        made += 1
        return Message(kind, market: Int32(place % markets + 1), start: start, fields: fields)
    }

    /// What a second collector sends, and one that saw something else.
    private func replicas(of messages: [Message]) -> [Message] {
        messages
            + messages.compactMap { message in
                guard let id = message.id, id.kind == RecordKind.candleStick.name else { return nil }
                return Message(market: id.key.market, start: id.key.intervalStart, fields: #""charts":[],"other":true"#)
            }
    }

    /// Of a time when nothing else is: what fills it is announced, and not stored.
    private mutating func large() -> Message {
        made += 4
        let start = 1_802_305_540_000 + Int64(made) * 60_000
        let filling = String(repeating: "x", count: 1 << 20)
        return Message(market: Int32(made / 4 % markets + 1), start: start, fields: #""charts":[],"x":"\#(filling)""#)
    }

    private mutating func poison() -> [Message] {
        (0..<5).map { _ in
            let bad = BadMessage.small.randomElement(using: &random)!
            return Message(poison: bad.body, to: bad.kind, reason: bad.reason)
        }
    }
}
