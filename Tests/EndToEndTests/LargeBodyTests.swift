import FoundationEssentials
import Records
import TestSupport
import Testing

/// A body of 100 MB, which RabbitMQ takes up to version 3.13 unless it is told otherwise, goes all the way, and others after it.
@Suite("A body of 100 MB") struct LargeBodyTests {
    private static let size = 100_000_000
    /// How many times its size each program may hold: what it keeps, what it sends and what is on the way into a library.
    private static let times = 6

    @Test func passesAloneAndWithinBounds() async throws {
        guard try await TestBroker.shared.largestMessage(upTo: Self.size + 1000) > Self.size else { return }
        try await World.with { world in
            let writer = try await world.writer(["WRITER_MAX_MESSAGE_BYTES": "\(128 << 20)"])
            let relay = try await world.relay()
            world.gateway.start()
            let filler = String(repeating: "0123456789", count: Self.size / 10)
            let large = Message(market: 1, start: 1_702_305_540_000, fields: "\"charts\":[],\"more\":\"\(filler)\"")
            var candles = Candles(markets: 2)
            _ = candles.next(2)
            try await world.collector.publish([large])
            try await world.collector.publish(candles.next(100))
            let history = try await world.check([], within: .seconds(180)) {
                $0.minimum = 101
                $0.isInOrderOfArrival = false
            }
            #expect(history.deliveries.map(\.body.count).max() ?? 0 > Self.size)
            for program in [writer, relay] {
                let peak = try Self.peakKilobytes(of: program)
                print("\(program.name): at most \(peak / 1024) MiB resident, for a body of \(Self.size >> 20) MiB")
                #expect(peak * 1024 < Self.times * Self.size, "\(program.name)")
                try await world.stop(program)
            }
        }
    }

    /// The most memory that it ever had, resident.
    private static func peakKilobytes(of program: Program) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(program.pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber)))
    }
}
