import TestSupport
import Testing

@testable import AMQP

@Suite("How many messages may be unacknowledged") struct PrefetchWindowTests {
    @Test func doublesWithWhatIsAcknowledged() {
        var window = PrefetchWindow(first: 10, messages: 100, bytes: .max)
        #expect(window.size == 10)
        #expect(window.acknowledge(1) == nil && window.size == 10)
        #expect(window.acknowledge(4) == 20)
        #expect(window.acknowledge(100) == 100)
        #expect(window.acknowledge(100) == nil)
        #expect(PrefetchWindow(first: 10, messages: 3, bytes: .max).size == 3)
        window.restart()
        #expect(window.size == 10)
        var endless = PrefetchWindow(first: 10, messages: 0, bytes: .max)
        #expect(endless.size == 0 && endless.acknowledge(1000) == nil)
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
        var returns = [Int](repeating: 0, count: 20_000)
        var head = 0
        while head < 10_000 {
            var window = PrefetchWindow(first: 10, messages: 2000, bytes: .max)
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let count = Int.random(in: 1...window.size, using: &random)
                head += count
                _ = window.acknowledge(count)
            }
            for message in head..<min(head + window.size, returns.count) { returns[message] += 1 }
        }
        #expect(returns.max() ?? 0 <= 20)
    }
}
