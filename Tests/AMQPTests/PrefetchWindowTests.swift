import TestSupport
import Testing

@testable import AMQP

@Suite("How many messages may be unacknowledged") struct PrefetchWindowTests {
    /// As many messages come as the window takes.
    private func fill(_ window: inout PrefetchWindow, bytes: Int = 0) {
        for _ in 0..<window.size { window.delivered(bytes: bytes) }
    }

    @Test func doublesWithWhatIsAcknowledged() {
        var window = PrefetchWindow(first: 10, messages: 100, bytes: .max)
        #expect(window.size == 10)
        fill(&window)
        #expect(window.acknowledge(1) == nil && window.size == 10)
        window.delivered(bytes: 0)
        #expect(window.acknowledge(4) == 20)
        fill(&window)
        #expect(window.acknowledge(26) == 72)
        fill(&window)
        #expect(window.acknowledge(72) == 100)
        #expect(window.acknowledge(100) == nil)
        #expect(PrefetchWindow(first: 10, messages: 3, bytes: .max).size == 3)
        window.restart()
        #expect(window.size == 10)
        var endless = PrefetchWindow(first: 10, messages: 0, bytes: .max)
        #expect(endless.size == 0 && endless.acknowledge(1000) == nil)
    }

    /// What is on its way to a consumer that ends goes back to its queue, and that is counted.
    @Test func widensOnlyWhenNothingCanBeOnItsWay() {
        var window = PrefetchWindow(first: 10, messages: 100, bytes: .max)
        for _ in 0..<9 { window.delivered(bytes: 0) }
        #expect(window.acknowledge(9) == nil)
        for _ in 0..<9 { window.delivered(bytes: 0) }
        #expect(window.acknowledge(1) == nil)
        for _ in 0..<2 { window.delivered(bytes: 0) }
        #expect(window.acknowledge(3) == 36)
        // What the consumer before has left does not fill the window of the next one.
        for _ in 0..<35 { window.delivered(bytes: 0) }
        #expect(window.acknowledge(7) == nil)
        window.delivered(bytes: 0)
        #expect(window.acknowledge(11) == 72)
    }

    @Test func holdsNoMoreBytesThanItMay() {
        var window = PrefetchWindow(first: 10, messages: 2000, bytes: 32 << 20)
        for _ in 0..<1000 { window.delivered(bytes: 500) }
        #expect(window.acknowledge(1000) == 2000)
        for _ in 0..<20 { window.delivered(bytes: 1 << 20) }
        #expect(window.acknowledge(20) == 32)
        for _ in 0..<400 { window.delivered(bytes: 500) }
        #expect(window.acknowledge(400) == 2000)
        var large = PrefetchWindow(first: 10, messages: 2000, bytes: 1 << 20)
        large.delivered(bytes: 30 << 20)
        #expect(large.acknowledge(1) == 1)
    }

    /// Sessions that end again and again, each at a moment that was chosen to do harm: a message is returned by few of them.
    @Test(arguments: 0..<200) func aMessageComesBackTwentyTimesAtMost(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var returns = [Int](repeating: 0, count: 30_000)
        var head = 0
        while head < 10_000 {
            var window = PrefetchWindow(first: 10, messages: 2000, bytes: .max)
            var held = 0
            var fresh = 0  // of the consumer that has the window
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                while fresh < window.size {
                    window.delivered(bytes: 0)
                    (held, fresh) = (held + 1, fresh + 1)
                }
                let count = Int.random(in: 1...held, using: &random)
                let others = held - fresh
                (head, held) = (head + count, held - count)
                fresh = window.acknowledge(count) == nil ? fresh - max(0, count - others) : 0
            }
            held += window.size - fresh
            for message in head..<min(head + held, returns.count) { returns[message] += 1 }
        }
        #expect(returns.max() ?? 0 <= 20)
    }
}
