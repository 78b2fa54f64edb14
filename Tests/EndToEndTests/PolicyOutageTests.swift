import AMQP
import Records
import TestSupport
import Testing

/// With the management plugin, which these servers have no other use for.
@Suite("What policies say of delivery limits", .serialized, .enabled(if: Servers.mayBeStopped))
struct PolicyOutageTests {
    private static let low = RecordKind.ticker.queue

    @Test func theManagementAPITellsOfThem() async throws {
        try await World.with { world in
            let url = try await Self.enableManagement(world.host)
            for kind in RecordKind.all { try await world.host.declareQuorum(kind.queue) }
            try await Self.set("high", "^database-writer", limit: 1_000_000, priority: 0, world.host)
            try await Self.set("low", "^database-writer[.]ticker$", limit: 5, priority: 1, world.host)
            await world.collector.expectQueues()
            let settings = ["RABBITMQ_MANAGEMENT_URL": url, "WRITER_DELIVERY_LIMIT": "refuse"]

            // The plugin learns of a policy from the queue, which tells every five seconds.
            try await eventually("check names one queue, and its policy") {
                let check = try await world.start(.writer, ["check"], settings: settings)
                let exit = try await check.ended(within: .seconds(120))
                let warnings = check.output.split(separator: "\n").filter { $0.contains("drops a message") }
                return exit == .status(0) && warnings.count == 1
                    && ["queue \(Self.low)", "after 5 returns", "as the policy low says"].allSatisfy(
                        warnings[0].contains)
            }

            let writer = try await world.start(.writer, settings: settings)
            try await eventually("the others are consumed") { writer.log.contains("receiving from the broker") }
            try #expect(await #require(writer.get("/readyz")).body.contains("WRITER_DELIVERY_LIMIT says: \(Self.low)"))
            #expect(await writer.metric("candlepost_writer_queue_drops_returned") == 1)
            #expect(await writer.metric("candlepost_writer_queue_drops_returned", Self.low) == 1)
        }
    }

    /// - Returns: its address, with user and password.
    private static func enableManagement(_ host: VirtualHost) async throws -> String {
        let (endpoint, port) = (host.endpoint, host.endpoint.port + 16)  // twenty are this server's own
        try await Servers.tell([
            "erlang",
            """
            begin {ok, File} = application:get_env(rabbit, enabled_plugins_file), \
            ok = file:write_file(File, "[rabbitmq_management]."), \
            application:set_env(rabbitmq_management, tcp_config, [{ip, "127.0.0.1"}, {port, \(port)}], [{persistent, true}]), \
            rabbit_plugins:ensure(File), \
            rabbit_auth_backend_internal:set_tags(<<"\(endpoint.user)">>, [monitoring], <<"tests">>) end
            """,
        ])
        return "http://\(endpoint.user):\(endpoint.password)@127.0.0.1:\(port)"
    }

    private static func set(
        _ name: String, _ pattern: String, limit: Int, priority: Int, _ host: VirtualHost
    ) async throws {
        try await Servers.tell([
            "erlang",
            """
            rabbit_policy:set(<<"\(host.name)">>, <<"\(name)">>, <<"\(pattern)">>, [{<<"delivery-limit">>, \(limit)}], \
            \(priority), <<"queues">>, <<"tests">>)
            """,
        ])
    }
}
