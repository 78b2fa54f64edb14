import AMQP

/// Faults of RabbitMQ as a whole.
extension ChaosRound {
    func closeBrokerConnections() async throws -> Bool {
        let before = logs
        try await Self.tellBroker(Self.closingConnections)
        try await eventually("it is noticed", within: .seconds(60)) { logs > before }
        return true
    }

    func memoryAlarm() async throws -> Bool {
        try await Self.raiseMemoryAlarm()
        let isSeen = try await isOneRelayBlocked()
        try await Self.endMemoryAlarm()
        return isSeen
    }

    static func raiseMemoryAlarm() async throws {
        try await tellBroker("vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000000})")
    }

    static func endMemoryAlarm() async throws {
        try await tellBroker("vm_memory_monitor:set_vm_memory_high_watermark(0.4)")
    }

    func diskAlarm() async throws -> Bool {
        try await Self.tellBroker("rabbit_disk_monitor:set_disk_free_limit(\"100000GB\")")
        let isSeen = try await isOneRelayBlocked()
        try await Self.tellBroker("rabbit_disk_monitor:set_disk_free_limit(\"50MB\")")
        return isSeen
    }

    /// Only a relay that has something to publish is told.
    func isOneRelayBlocked() async throws -> Bool {
        try await happens {
            for relay in relays where await relay.isReady == false { return true }
            return false
        }
    }

    /// With the connections closed, for the broker asks again only now and then whether those there are may go on.
    func withdrawPermissions(toRead read: String, toWrite write: String) async throws -> Bool {
        let (host, user) = (world.host.name, world.host.endpoint.user)
        let name = "<<\"\(user)\">>, <<\"\(host)\">>"
        let withdrawing =
            read.isEmpty
            ? "rabbit_auth_backend_internal:clear_permissions(\(name), <<\"chaos\">>)"
            : Self.setting(name, configure: "", write: write, read: read)
        try await Self.tellBroker("begin \(withdrawing), \(Self.closingConnections) end")
        let isSeen = try await isSaid(by: relays, "403", "530")
        try await Self.tellBroker(Self.setting(name, configure: ".*", write: ".*", read: ".*"))
        try await allBecomeReady()
        return isSeen
    }

    private static func setting(_ name: String, configure: String, write: String, read: String) -> String {
        """
        rabbit_auth_backend_internal:set_permissions(\(name), <<"\(configure)">>, <<"\(write)">>, <<"\(read)">>, \
        <<"chaos">>)
        """
    }

    func stopBrokerApplication() async throws -> Bool {
        try await Self.tellBroker("rabbit:stop()")
        for program in writers + relays { try await program.becomes(ready: false, within: .seconds(90)) }
        let isNamed = await (relays[0].get("/readyz")?.body.contains("rabbitmq: ") ?? false)
        try await Self.tellBroker("rabbit:start()")
        return isNamed
    }
}
