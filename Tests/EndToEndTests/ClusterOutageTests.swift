import Glibc
import Records
import Testing

/// Both programs live through the loss of one of several servers. For `scripts/test --clusters`.
@Suite("A cluster loses a part", .serialized, .enabled(if: Cluster.isThere)) struct ClusterOutageTests {
    /// The standby is synchronous: what was committed is there.
    @Test func postgresFailsOver() async throws {
        try await World.with { world in
            try await world.survives(try Cluster.settings(world.host), repeats: 1) { writer, relay in
                let before = try await world.number("SELECT inet_server_port()")
                try await Cluster.tell("kill-postgres", "1")
                for program in [writer, relay] { try await program.becomes(ready: false, within: .seconds(90)) }
                try await Cluster.tell("promote")
                for program in [writer, relay] { try await program.becomes(ready: true, within: .seconds(90)) }
                return try await world.number("SELECT inet_server_port()") != before
            }
        }
    }

    /// The relay's own node, and a copy of each queue with it.
    @Test func rabbitMQLosesANode() async throws {
        try await World.with { world in
            try await world.survives(try Cluster.settings(world.host), repeats: 2) { writer, relay in
                let node = try #require(try Cluster.node(of: relay), "the relay is connected to a node")
                try #require(node != 1, "the programs are not at the tests' own node")
                let programs = try [writer, relay].filter { try Cluster.node(of: $0) == node }
                try await Cluster.tell("kill-rabbitmq", "\(node)")
                try await eventually("who was there connects to another node", within: .seconds(120)) {
                    try programs.allSatisfy { try Cluster.node(of: $0) != node }
                }
                let count = world.gateway.distinctCount
                try await eventually("they go on without it", within: .seconds(120)) {
                    world.gateway.distinctCount >= count + 200
                }
                try await Cluster.tell("start-rabbitmq", "\(node)")
                return true
            }
        }
    }

    /// A queue without a majority ends the connection of who consumes it, without being named: the others flow all the same.
    @Test func oneQueueLosesItsMajority() async throws {
        try await World.with { world in
            let queues = RecordKind.all.map(\.queue) + [VirtualHost.outputQueue]
            for queue in queues.dropFirst() { try await world.host.declareQuorum(queue) }
            try await VirtualHost(world.host.name, node: 1).declareQuorum(queues[0], copies: 1)
            await world.collector.expectQueues()
            var candles = Candles()
            try await world.collector.publish(candles.next(200))
            // Or the queue may come back without its log: see docs/faults.md.
            let write = "[rpc:call(N, lists, foreach, [fun dets:sync/1, rpc:call(N, dets, all, [])]) || N <- nodes()]."
            try await Cluster.tell("rabbitmqctl", "eval", write)
            try await Cluster.tell("kill-rabbitmq", "2")
            let settings = try Cluster.settings(world.host)
            let (writer, relay) = (
                try await world.start(.writer, settings: settings), try await world.start(.relay, settings: settings)
            )
            world.gateway.start()
            try await world.collector.publish(
                (0..<200).map { number in
                    let start = 1_702_305_540_000 + Int64(number / 64) * 60_000
                    return Message(.ticker, market: Int32(number % 64 + 1), start: start, fields: #""high":1"#)
                })
            try await eventually("the tickers are announced") { world.gateway.distinctCount == 200 }
            #expect(await writer.get("/readyz")?.body.contains("queue \(queues[0]): ") == true)
            #expect(try await world.number("SELECT count(*) FROM candle_sticks") == 0)
            try await Cluster.tell("start-rabbitmq", "2")
            for program in [writer, relay] { try await program.becomes(ready: true, within: .seconds(180)) }
            try await world.check([relay, writer], within: .seconds(180)) {
                $0.minimum = 400
                $0.isInOrderOfArrival = false
            }
        }
    }

    /// The node that is left takes messages and confirms none.
    @Test func rabbitMQLosesItsMajority() async throws {
        try await World.with { world in
            try await world.survives(try Cluster.settings(world.host), repeats: 4) { writer, relay in
                try await Cluster.tell("kill-rabbitmq", "2", "3")
                try await relay.becomes(ready: false, within: .seconds(120))
                let reason = await relay.get("/readyz")?.body ?? ""
                let isNamed = reason.contains("rabbitmq: ") || reason.contains("output queue: ")
                let count = world.gateway.distinctCount
                try await Task.sleep(for: .seconds(5))  // the fault itself
                let stands = world.gateway.distinctCount <= count + Gateway.prefetch
                try await Cluster.tell("start-rabbitmq", "2", "3")
                return isNamed && stands && writer.isRunning
            }
        }
    }
}
