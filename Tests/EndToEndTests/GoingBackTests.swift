import Foundation
import Testing

@Suite("Several of a market on their way, and a queue that refuses") struct GoingBackTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// A policy, as the relay can't know of it beforehand.
    private func limitOutputQueue(_ world: World, to length: Int?) async throws {
        let host = world.host.name
        let expression =
            if let length {
                """
                rabbit_policy:set(<<"\(host)">>, <<"full">>, <<"^ws">>, [{<<"max-length">>, \(length)}, \
                {<<"overflow">>, <<"reject-publish">>}], 0, <<"queues">>, <<"test">>)
                """
            } else {
                "rabbit_policy:delete(<<\"\(host)\">>, <<\"full\">>, <<\"test\">>)"
            }
        try await Servers.tell(["erlang", expression])
    }

    private func refuse(_ world: World, _ relay: Program, _ candles: inout Candles) async throws {
        world.gateway.slowDown(true)
        world.gateway.start()
        for length in [1_000_000, 2] { try await limitOutputQueue(world, to: length) }
        try await world.collector.publish(candles.next(400))
        try await eventually("the broker refuses") {
            await relay.metric("candlepost_relay_rows_refused_total") ?? 0 > 0
        }
        try await limitOutputQueue(world, to: nil)
        world.gateway.slowDown(false)
    }

    /// By the lines of the documentation.
    @Test func aConsumerThatFollowsTheChainTakesEachEventOnceAndInOrder() async throws {
        try await World.with { world in
            var candles = Candles(markets: 2)
            let writer = try await world.writer()
            let relay = try await world.relay(["RELAY_UNCONFIRMED_PER_MARKET": "16"])
            try await refuse(world, relay, &candles)
            let history = try await world.check([relay, writer]) {
                $0.minimum = 400
                $0.allowedDuplicates = 1000
            }
            #expect(history.deliveries.contains { $0.previousID != nil })
            let taken = try await takenByTheDocumentation(history.deliveries)
            #expect(taken.count == 400 && Set(taken.map(\.id)).count == 400)
            for market in Set(taken.map(\.market)) {
                let ids = taken.filter { $0.market == market }.map(\.id)
                #expect(ids == ids.sorted())
            }
        }
    }

    private func takenByTheDocumentation(_ deliveries: [Announcement]) async throws -> [(market: Int64, id: Int64)] {
        let text = try String(contentsOfFile: "\(Self.root)/docs/messages.md", encoding: .utf8)
        let start = try #require(text.range(of: "```python\n"))
        let end = try #require(text.range(of: "```", range: start.upperBound..<text.endIndex))
        let lines = deliveries.map { delivery in
            let market = if case .number(let number)? = delivery.headers["x-market-id"] { number } else { Int64(-1) }
            return "\(market) \(delivery.id) \(delivery.previousID.map { "\($0)" } ?? "None")"
        }
        let script =
            text[start.upperBound..<end.lowerBound] + """

                last = {}
                for market, id, previous in (line.split() for line in '''\(lines.joined(separator: "\n"))'''.splitlines()):
                    if take(last, market, "CandleStick", int(id), None if previous == "None" else int(previous)):
                        print(market, id)
                """
        return try await TemporaryFile.with(String(script), ".py") { path in
            let python = try await Program(path: "/usr/bin/python3", [path])
            #expect(try await python.ended() == .status(0), "\(python.log)")
            return python.output.split(separator: "\n").compactMap { line in
                let numbers = line.split(separator: " ").compactMap { Int64($0) }
                return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
            }
        }
    }
}
