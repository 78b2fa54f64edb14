import ProgramRuntime
import Testing

/// SplitMix64, so that a test sees the same numbers each time.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct BackoffTests {
    private let ceilings = [100, 200, 400, 800, 1600, 3200, 5000, 5000].map { Duration.milliseconds($0) }

    @Test(arguments: 0..<50 as Range<UInt64>) func waitsLieBetweenTheFloorAndTheRisingCeiling(seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(5), floor: .milliseconds(50))
        for ceiling in ceilings {
            let wait = backoff.next(using: &generator)
            #expect(wait >= .milliseconds(50) && wait <= ceiling)
        }
    }

    @Test func theJitterIsFull() {
        var generator = SeededGenerator(state: 1)
        let waits = (0..<2000).map { _ in
            var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(5), floor: .zero)
            return backoff.next(using: &generator)
        }
        #expect(waits.contains { $0 < .milliseconds(5) })
        #expect(waits.contains { $0 > .milliseconds(95) })
    }

    @Test func itBeginsAnewAfterASuccess() {
        var generator = SeededGenerator(state: 2)
        var backoff = Backoff()
        for _ in 0..<20 { _ = backoff.next(using: &generator) }
        backoff.reset()
        #expect(backoff.next(using: &generator) <= .milliseconds(100))
    }

    @Test func aLongOutageDoesNotOverflow() {
        var backoff = Backoff()
        for _ in 0..<10_000 { #expect(backoff.next() <= .seconds(5)) }
    }
}
