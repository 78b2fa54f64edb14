import Testing

/// Both programs live through the loss of a server: `/readyz` says so meanwhile, nothing is lost, and nobody has to help.
@Suite("A server goes away", .serialized, .enabled(if: Servers.mayBeStopped)) struct ServerOutageTests {
    private static let window = 100
    private static let settings = [
        "RELAY_BATCH_SIZE": "\(window)", "WRITER_BATCH_SIZE": "50", "WRITER_PREFETCH": "100",
    ]

    @Test(arguments: [["stop-postgres", "fast"], ["stop-postgres", "immediate"], ["kill-postgres"]])
    func postgres(stop: [String]) async throws {
        try await outage(stop.joined(separator: " "), brokerIsHit: false) { writer, relay in
            try await Servers.tell(stop)
            try await becomeUnready([writer, relay], because: "postgres")
            try await Servers.tell(["start-postgres"])
        }
    }

    @Test(arguments: [["stop-rabbitmq"], ["kill-rabbitmq"]])
    func rabbitMQ(stop: [String]) async throws {
        try await outage(stop.joined(separator: " "), brokerIsHit: true) { writer, relay in
            try await Servers.tell(stop)
            try await becomeUnready([writer, relay], because: "rabbitmq")
            try await Servers.tell(["start-rabbitmq"])
        }
    }

    @Test func bothAtOnce() async throws {
        try await outage("both killed", brokerIsHit: true) { writer, relay in
            async let postgres: Void = Servers.tell(["kill-postgres"])
            try await Servers.tell(["kill-rabbitmq"])
            try await postgres
            try await becomeUnready([writer, relay], because: "postgres")
            try await Servers.tell(["start-postgres"])
            try await Servers.tell(["start-rabbitmq"])
        }
    }

    // MARK: the course of each

    private func outage(
        _ name: String, brokerIsHit: Bool, _ fault: @escaping @Sendable (Program, Program) async throws -> Void
    ) async throws {
        try await World.with { world in
            var candles = Candles()
            let writer = try await world.writer(Self.settings)
            let relay = try await world.relay(Self.settings)
            world.gateway.start()
            let messages = candles.next(6000)
            async let load: Void = world.collector.publish(messages, rate: 1000)
            try await eventually("half of it is announced") { world.gateway.distinctCount >= 1500 }
            try await fault(writer, relay)
            for program in [writer, relay] { try await program.becomes(ready: true, within: .seconds(90)) }
            try await load
            #expect(writer.isRunning && relay.isRunning, "both live through it")
            try await world.check([relay, writer], within: .seconds(90)) {
                $0.minimum = 6000
                $0.isInOrderOfArrival = !brokerIsHit
                // A broker that is killed may also forget which deliveries it has made.
                $0.allowedDuplicates = Self.window + (brokerIsHit ? Gateway.prefetch : 0)
            }
        }
    }

    private func becomeUnready(_ programs: [Program], because server: String) async throws {
        for program in programs {
            try await program.becomes(ready: false, within: .seconds(90))
            try await eventually("\(program.name) names \(server)") {
                await program.get("/readyz")?.body.contains("\(server): ") == true
            }
        }
    }
}
