import Postgres
import TestSupport
import Testing

/// Among the tests that have servers to themselves, because the limit holds for all of a broker's channels.
@Suite("Retrying rows that the broker rejects", .serialized, .enabled(if: Servers.mayBeStopped))
struct ParkedRetryOutageTests {
    @Test func whatIsStillTooLargeStaysParkedAndTheRestIsPublished() async throws {
        try await World.with(markets: 1) { world in
            let writer = try await world.writer()
            let start: Int64 = 1_702_305_540_000
            let messages = [0, 30_000, 0, 20_000].enumerated().map { index, size in
                let filler = String(repeating: "x", count: size)
                return Message(
                    market: 1, start: start + Int64(index) * 60_000, fields: "\"charts\":[],\"filler\":\"\(filler)\"")
            }
            try await world.collector.publish(messages)
            try await eventually("all are stored") { try await world.number("SELECT count(*) FROM outbox") == 4 }
            try await Servers.limitMessages(to: 10_000)
            let relay = try await world.relay()
            world.gateway.start()
            let parked = "SELECT count(*) FROM outbox_audit WHERE state = 'parked' AND attempts = 3"
            try await eventually("two are parked") { try await world.number(parked) == 2 }
            for program in [relay, writer] { try await world.stop(program) }
            #expect(try await world.run("relay", "parked", "list").contains("larger than"))

            try await Servers.limitMessages(to: 25_000)
            let output = try await world.run("relay", "parked", "retry", "--yes")
            #expect(output == "2 parked rows\npublished 1, still parked 1\n")
            let row = try await world.query("SELECT id, attempts, last_error FROM outbox_audit WHERE state = 'parked'")
            #expect(row.count == 1 && row.int8(0, 0) == 2 && row.int4(0, 1) == 4)
            #expect(row.text(0, 2).contains("larger than"), "\(row.text(0, 2))")

            try await Servers.limitMessages(to: 134_217_728)
            let last = try await world.run("relay", "parked", "retry", "--yes")
            #expect(last == "1 parked rows\npublished 1, still parked 0\n")
            try await eventually("all are announced") { world.gateway.distinctCount == 4 }
            // What left together with the row that ended the connection comes twice.
            var seen: Set<Int64> = []
            let firsts = world.gateway.deliveries.filter { seen.insert($0.id).inserted }
            #expect(firsts.map(\.id) == [1, 3, 4, 2])
            #expect(firsts.map { $0.headers["x-attempt"] } == [nil, nil, .number(4), .number(5)])
            try await world.run("relay", "verify")
        }
    }
}
